// Pictures and documents as bytes: whole ones, and ones with something wrong in one place.
import { crc32 as node_crc, deflateSync } from 'node:zlib';

const table = Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	return c >>> 0;
});
const crc = node_crc ?? ((bytes) => {
	let c = 0xffffffff;
	for (const b of bytes) c = table[(c ^ b) & 0xff] ^ (c >>> 8);
	return (c ^ 0xffffffff) >>> 0;
});
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16BE(n); return b; };

export function chunk(type, data = Buffer.alloc(0)) {
	const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
	return Buffer.concat([u32(data.length), typed, u32(crc(typed))]);
}
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
export function png({ width = 4, height = 4, extra = [], fill = 0, tail = Buffer.alloc(0) } = {}) {
	const head = Buffer.concat([u32(width), u32(height), Buffer.from([8, 0, 0, 0, 0])]);
	const rows = Buffer.alloc(Math.min((width + 1) * height, 1 << 20), fill);
	return Buffer.concat([SIGNATURE, chunk('IHDR', head), ...extra, chunk('IDAT', deflateSync(rows)), chunk('IEND'), tail]);
}
// One of about so many bytes that do not compress.
export function large_png(bytes) {
	const noise = Buffer.alloc(bytes);
	for (let i = 0, x = 12345; i < bytes; i++) { x = (x * 1103515245 + 12345) & 0x7fffffff; noise[i] = x >> 16; }
	return Buffer.concat([SIGNATURE, chunk('IHDR', Buffer.concat([u32(1000), u32(1000), Buffer.from([8, 0, 0, 0, 0])])), chunk('IDAT', noise), chunk('IEND')]);
}

export const segment = (marker, data) => Buffer.concat([Buffer.from([0xff, marker]), u16(data.length + 2), data]);
export function exif({ orientation = 6, text = 'Longnan 33.4N' } = {}) {
	const tiff = Buffer.concat([Buffer.from('II*\0', 'latin1'), Buffer.from([8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0])]);
	return segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff, Buffer.from(text)]));
}
export function jpeg({ width = 8, height = 8, extra = [exif()], tail = Buffer.alloc(0) } = {}) {
	const frame = segment(0xc0, Buffer.concat([Buffer.from([8]), u16(height), u16(width), Buffer.from([1, 1, 0x11, 0])]));
	const scan = segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0]));
	return Buffer.concat([Buffer.from([0xff, 0xd8]), ...extra, frame, scan, Buffer.from([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]), Buffer.from([0xff, 0xd9]), tail]);
}
export function pdf({ more = '', stream = 'BT ET' } = {}) {
	const body = `%PDF-1.4\n1 0 obj\n<< /Type /Catalog ${more} >>\nendobj\n2 0 obj\n<< /Length ${stream.length} >>\nstream\n${stream}\nendstream\nendobj\n`;
	return Buffer.from(`${body}xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`, 'latin1');
}

// A package of one stored file.
export function zip(name, content) {
	const le = (...fields) => Buffer.concat(fields.map(([bytes, n]) => { const b = Buffer.alloc(bytes); b.writeUIntLE(n, 0, bytes); return b; }));
	const data = Buffer.from(content), sum = crc(data) >>> 0, file = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), le([2, 20], [2, 0], [2, 0], [4, 0], [4, sum], [4, data.length], [4, data.length], [2, name.length], [2, 0]),
		Buffer.from(name), data]);
	const entry = Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), le([2, 20], [2, 20], [2, 0], [2, 0], [4, 0], [4, sum], [4, data.length], [4, data.length], [2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, 0]),
		Buffer.from(name)]);
	return Buffer.concat([file, entry, Buffer.from('PK\x05\x06', 'latin1'), le([2, 0], [2, 0], [2, 1], [2, 1], [4, entry.length], [4, file.length], [2, 0])]);
}
export const ofd = () => zip('OFD.xml', '<?xml version="1.0"?><ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016"/>');
