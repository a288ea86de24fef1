// A request as a peer sees it, whichever HTTP it came by: the target and the headers as they were sent, because signatures are about those.
const BODY_MAX = 1 << 20;

export async function read_question(req) {
	const is_h2 = req.httpVersionMajor === 2;
	const header_list = headers_of(req.rawHeaders);
	const [path, query] = split_once(req.url, '?');
	const body = await read_body(req, BODY_MAX);
	const pairs = pairs_of(query);
	const headers = Object.fromEntries(header_list);
	const question = { http: is_h2 ? '2' : '1.1', tls: req.socket?.encrypted === true, method: req.method, target: req.url, path, query, pairs, header_list, headers, body, params: {} };
	question.fields = fields_of(question);
	return question;
}

function split_once(text, mark) {
	const at = text.indexOf(mark);
	return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

// [name in lower case, value] in the order sent. HTTP/2 says :authority where HTTP/1.1 says Host; signatures say host.
function headers_of(raw) {
	const list = [];
	for (let i = 0; i < raw.length; i += 2) {
		const name = raw[i].toLowerCase();
		if (name === ':authority') list.push(['host', raw[i + 1]]);
		else if (!name.startsWith(':')) list.push([name, raw[i + 1]]);
	}
	return list;
}

// The whole body, or null: too long. What is too long is read all the same, because who is still sending hears no answer.
export async function read_body(req, max) {
	const chunks = [];
	let size = 0;
	for await (const chunk of req) {
		size += chunk.length;
		if (size <= max) chunks.push(chunk);
	}
	return size <= max ? Buffer.concat(chunks) : null;
}

// The parameters of a query or a form, decoded; null when an escape is broken.
export function pairs_of(text) {
	if (text === '') return [];
	try {
		return text.split('&').map((pair) => split_once(pair, '=').map(decodeURIComponent));
	} catch {
		return null;
	}
}

// What a fault's `where` and the log look at: parameters of query and form, by name.
function fields_of({ pairs, headers, body }) {
	const is_form = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
	const form = is_form && body !== null ? pairs_of(body.toString('latin1').replaceAll('+', '%20')) : [];
	return Object.fromEntries([...(pairs ?? []), ...(form ?? [])]);
}

// A route's path against the request's: the parameters by name, or null.
export function match_path(pattern, path) {
	const wanted = pattern.split('/'), got = path.split('/');
	if (wanted.length !== got.length) return null;
	const params = {};
	for (let i = 0; i < wanted.length; i++) {
		if (!wanted[i].startsWith(':')) {
			if (wanted[i] !== got[i]) return null;
			continue;
		}
		try {
			params[wanted[i].slice(1)] = decodeURIComponent(got[i]);
		} catch {
			return null;
		}
	}
	return params;
}
