// Halls whose windows can be booked: a calendar that reaches far enough whenever the test runs, rules, and which window takes which matter.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { source_dir } from './openapi.mjs';
import { until } from './until.mjs';

export const RULE_COLUMNS = 'hall,window,sessions,slot_minutes,capacity,walk_in_percent,horizon_days,notice_minutes,letter';

// Imports lines of a table as a file of their own; what was printed.
export async function import_lines(g, kind, header, lines) {
	const file = path.join(g.state, `${kind}.${Date.now()}.csv`);
	writeFileSync(file, [header, ...lines].join('\n') + '\n');
	return g.command('import', kind, file);
}

export const set_rules = (g, ...lines) => import_lines(g, 'booking_rules', RULE_COLUMNS, lines);
export const set_matters = (g, ...lines) => import_lines(g, 'window_matters', 'hall,window,matter,state', lines);
export const set_blackouts = (g, ...lines) => import_lines(g, 'blackouts', 'hall,window,date,from,to,state,note', lines);

// Next year too: tests also run in December.
async function calendar_ahead(g) {
	const days = [], this_year = new Date(Date.now() + 8 * 3600e3).getUTCFullYear();
	for (let year = 2027; year <= this_year + 1; year++) days.push(`${year}-01-01,off,元旦,测试,`);
	if (days.length > 0) await import_lines(g, 'calendar', 'date,kind,name,source,region', days);
}

export async function open_halls(g, rules, matters = []) {
	await calendar_ahead(g);
	for (const kind of ['halls', 'windows']) await g.command('import', kind, path.join(source_dir, `data/${kind}.csv`));
	await set_rules(g, ...rules);
	if (matters.length > 0) await set_matters(g, ...matters);
	await slots_are_made(g);
}

// Nothing is left to make.
export function slots_are_made(g) {
	return until('slots are made', () => g.sql('SELECT COUNT(*) FROM booking_group WHERE made_version <> version OR pass_day <> 0 OR made_day = 0') === '0');
}

export const sessions = async (g, hall, query) => (await g.get(`/v1/halls/${hall}/sessions?${query}`)).json;

// The days that can be booked from tomorrow on, and their slots.
export async function days_ahead(g, hall, window) {
	const tomorrow = new Date(Date.now() + 32 * 3600e3).toISOString().slice(0, 10);
	return (await sessions(g, hall, `window=${window}`)).days.map((d) => d.date).filter((d) => d >= tomorrow);
}
export async function slots_of(g, hall, window, date) {
	const [day] = (await sessions(g, hall, `window=${window}&date=${date}`)).days;
	return day === undefined ? [] : day.slots;
}

// held and booked of each slot are what its seats say, and no slot has more than it may.
export function counters_fit(g) {
	const wrong = g.sql(`SELECT s.id, s.capacity, s.held, s.booked, COALESCE(h.n, 0), COALESCE(b.n, 0) FROM booking_slot s
		LEFT JOIN (SELECT x.slot, COUNT(*) AS n FROM booking_seat x JOIN booking k ON k.id = x.booking WHERE k.state = 1 GROUP BY x.slot) h ON h.slot = s.id
		LEFT JOIN (SELECT x.slot, COUNT(*) AS n FROM booking_seat x JOIN booking k ON k.id = x.booking WHERE k.state IN (2, 5, 6) GROUP BY x.slot) b ON b.slot = s.id
		WHERE s.held <> COALESCE(h.n, 0) OR s.booked <> COALESCE(b.n, 0) OR s.held + s.booked > s.capacity`);
	if (wrong !== '') throw new Error(`counters that do not fit their seats:\n${wrong}`);
}
