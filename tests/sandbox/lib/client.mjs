// A sandbox for a test: started, told what to do, asked what it received. Waiting is done by its log, never by the clock.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

const program = new URL('../sandbox.mjs', import.meta.url).pathname;

export class Sandbox {
	// cert, key: files, for the port with TLS; ca: a file, trusted when pushing to an https callback
	static async start({ cert, key, ca } = {}) {
		const s = new Sandbox();
		s.state = mkdtempSync(path.join(os.tmpdir(), 'siban-sandbox-'));
		process.once('exit', () => {
			s.child?.kill('SIGKILL');
			rmSync(s.state, { recursive: true, force: true });
		});
		const files = Object.entries({ cert, key, ca }).flatMap(([name, file]) => (file === undefined ? [] : [`--${name}`, file]));
		// setpriv: however this process ends, the sandbox ends with it.
		s.child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, program, '--state', s.state, ...files], { stdio: ['ignore', 'pipe', 'pipe'] });
		s.complaints = '';
		s.child.stderr.setEncoding('utf8').on('data', (words) => { s.complaints += words; });
		s.exited = new Promise((resolve) => s.child.once('exit', (code, signal) => resolve({ code, signal })));
		Object.assign(s, JSON.parse(await Promise.race([first_line(s.child.stdout), s.exited.then(() => { throw new Error(`the sandbox ended while starting: ${s.complaints}`); })])));
		return s;
	}

	async stop() {
		this.child.kill('SIGTERM');
		const { code, signal } = await this.exited;
		if (code !== 0 || this.complaints !== '') throw new Error(`the sandbox ended with ${code ?? signal}: ${this.complaints}`);
	}

	// The control API: what it answers, or an error in its words.
	async control(method, target, body) {
		const { status, json } = await this.try_control(method, target, body);
		if (status !== 200) throw new Error(`${method} ${target}: ${status} ${json.detail}`);
		return json;
	}

	try_control(method, target, body, headers = {}) {
		return new Promise((resolve, reject) => {
			const request = http.request(this.control_url + target, { method, agent: false, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers } }, (response) => {
				let text = '';
				response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text) })).on('error', reject);
			});
			request.on('error', reject);
			request.end(body === undefined ? undefined : JSON.stringify(body));
		});
	}

	fault(peer, ...faults) {
		return this.control('PUT', `/faults/${peer}`, faults);
	}

	clear_faults() {
		return this.control('DELETE', '/faults');
	}

	setup(peer, settings) {
		return this.control('PUT', `/peers/${peer}`, settings);
	}

	// Makes it do what it does by itself, e.g. tell('wechat', 'code', { openid }).
	tell(peer, what, body) {
		return this.control('POST', `/peers/${peer}/${what}`, body);
	}

	show(peer) {
		return this.control('GET', `/peers/${peer}`);
	}

	counts() {
		return this.control('GET', '/counts');
	}

	reset() {
		return this.control('POST', '/reset');
	}

	// {entries, last}: `last` is the `since` of the next question.
	log(query = {}) {
		return this.control('GET', `/log?${new URLSearchParams(query)}`);
	}

	async mark() {
		return (await this.log({ since: 999999999999999 })).last;
	}

	// The first n entries after `since` that fit, as soon as they are there.
	async wait_for(what, fits, { n = 1, since = 0, limit_ms = 30000, ...query } = {}) {
		const end = Date.now() + limit_ms, found = [];
		for (let at = since; ;) {
			const { entries, last } = await this.log({ ...query, since: at, wait_ms: Math.max(0, end - Date.now()) });
			found.push(...entries.filter(fits));
			if (found.length >= n) return found.slice(0, n);
			if (Date.now() >= end) throw new Error(`waited ${limit_ms} ms in vain for ${what}; saw ${JSON.stringify(entries.slice(-5))}`);
			at = entries.at(-1)?.seq ?? Math.max(at, last);
		}
	}

	log_file() {
		return readFileSync(path.join(this.state, 'sandbox.log.jsonl'), 'utf8');
	}
}

function first_line(stream) {
	return new Promise((resolve) => {
		let text = '';
		stream.setEncoding('utf8').on('data', (chunk) => {
			text += chunk;
			if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
		});
	});
}

// A sandbox for a whole test file: stopped when its last test has ended.
export async function sandbox(options) {
	const s = await Sandbox.start(options);
	after(() => s.stop());
	return s;
}
