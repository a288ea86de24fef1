// Other programs' eyes on tables: a CSV reader by RFC 4180, and a workbook's cells out of its zip and XML.
import { inflateRawSync } from 'node:zlib';

export function csv(text) {
	const rows = [];
	let row = [], cell = '', quoted = false;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quoted && c === '"' && text[i + 1] === '"') { cell += '"'; i++; } else if (c === '"') quoted = !quoted;
		else if (!quoted && c === ',') { row.push(cell); cell = ''; } else if (!quoted && c === '\r' && text[i + 1] === '\n') { row.push(cell); rows.push(row); [row, cell] = [[], '']; i++; } else cell += c;
	}
	if (cell || row.length) throw new Error('no CRLF at its end');
	return rows;
}

function unzipped(bytes) {
	const end = bytes.lastIndexOf(Buffer.from('504b0506', 'hex')), files = new Map();
	for (let at = bytes.readUInt32LE(end + 16), n = bytes.readUInt16LE(end + 10); n > 0; n--) {
		const [method, size, name_len, extra, comment, head] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30), bytes.readUInt16LE(at + 32), bytes.readUInt32LE(at + 42)];
		const from = head + 30 + bytes.readUInt16LE(head + 26) + bytes.readUInt16LE(head + 28), packed = bytes.subarray(from, from + size);
		files.set(bytes.subarray(at + 46, at + 46 + name_len).toString(), (method === 8 ? inflateRawSync(packed) : packed).toString('utf8'));
		at += 46 + name_len + extra + comment;
	}
	return files;
}

// Rows of { type, value }: type 's' a text, 'n' a number.
export function workbook(bytes) {
	const files = unzipped(bytes), plain = (x) => x.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
	const shared = [...(files.get('xl/sharedStrings.xml') ?? '').matchAll(/<si>.*?<t[^>]*>(.*?)<\/t>.*?<\/si>|<si><t\/><\/si>/gs)].map((m) => plain(m[1] ?? ''));
	return [...files.get('xl/worksheets/sheet1.xml').matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map((r) => {
		const row = [];
		for (const [, column, how, inner] of r[1].matchAll(/<c r="([A-Z])\d+"([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)) {
			const v = inner?.match(/<v>(.*?)<\/v>/)?.[1];
			const own = inner?.match(/<is><t[^>]*>(.*?)<\/t><\/is>/s)?.[1];
			row[column.charCodeAt(0) - 65] = own !== undefined ? { type: 's', value: plain(own) } : how.includes('t="s"') ? { type: 's', value: shared[Number(v)] } : { type: inner?.includes('<f>') ? 'f' : 'n', value: Number(v) };
		}
		return Array.from(row, (c) => c ?? { type: 's', value: '' }); // an empty text is no cell
	});
}
