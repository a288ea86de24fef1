// docs/openapi.yaml, held against what the gateway really answers: operation, status, content type, body and headers.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import YAML from 'yaml';

export const source_dir = process.env.SIBAN_SOURCE_DIR ?? path.resolve(new URL('../../..', import.meta.url).pathname);

// Half a second of each file's time went into parsing it (measured 2026-11): it is kept as JSON beside the program, under its digest.
function read_document() {
	const yaml = readFileSync(path.join(source_dir, 'docs/openapi.yaml'), 'utf8');
	const folder = path.dirname(process.env.SIBAN ?? path.join(source_dir, 'build/dev/siban'));
	const kept = path.join(folder, 'parsed', `openapi-${createHash('sha256').update(yaml).digest('hex').slice(0, 16)}.json`);
	if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8'));
	const parsed = YAML.parse(yaml);
	mkdirSync(path.dirname(kept), { recursive: true });
	writeFileSync(`${kept}.${process.pid}`, JSON.stringify(parsed));
	renameSync(`${kept}.${process.pid}`, kept);
	return parsed;
}

export const document = read_document();

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
formats(ajv);
ajv.addSchema(document, 'openapi.yaml');

const METHODS = ['get', 'put', 'post', 'delete'];
const escaped = (s) => s.replaceAll('~', '~0').replaceAll('/', '~1');

// {at, pointer} with references followed, so that a schema can be compiled by its place in the document.
function follow(at, pointer) {
	while (at?.$ref !== undefined) {
		pointer = at.$ref.slice(1);
		at = pointer.slice(1).split('/').reduce((o, key) => o?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
		if (at === undefined) throw new Error(`docs/openapi.yaml: nothing at #${pointer}`);
	}
	return { at, pointer };
}

function inside({ at, pointer }, ...keys) {
	for (const key of keys) {
		if (at?.[key] === undefined) return undefined;
		({ at, pointer } = follow(at[key], `${pointer}/${escaped(key)}`));
	}
	return { at, pointer };
}

// Every operation of the document: {id, method, path, pattern, node}.
export const operations = Object.entries(document.paths).flatMap(([template, item]) =>
	METHODS.filter((method) => item[method] !== undefined).map((method) => ({
		id: item[method].operationId,
		method: method.toUpperCase(),
		path: template.replace(/\{(\w+)\}/g, ':$1'),
		pattern: new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
		literal: !template.includes('{'),
		node: { at: item[method], pointer: `/paths/${escaped(template)}/${method}` },
	})));

export function operation_for(method, target) {
	const wanted = method === 'HEAD' ? 'GET' : method;
	const bare = target.split('?')[0];
	const found = operations.filter((o) => o.method === wanted && o.pattern.test(bare));
	return found.find((o) => o.literal) ?? found[0];
}

const compiled = new Map();
function wrongs_of(pointer, value) {
	if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: `openapi.yaml#${encodeURI(pointer).replaceAll('#', '%23')}` }));
	const validate = compiled.get(pointer);
	return validate(value) ? [] : validate.errors.map((e) => `${e.instancePath || 'the body'} ${e.message} ${JSON.stringify(e.params)}`);
}

function response_for(operation, status) {
	const responses = inside(operation.node, 'responses');
	return inside(responses, String(status)) ?? inside(responses, `${String(status)[0]}XX`) ?? (status >= 400 ? inside(responses, 'default') : undefined);
}

function typed(schema, text) {
	if (schema?.type === 'integer' || schema?.type === 'number') return Number(text);
	if (schema?.type === 'boolean') return text === 'true';
	return text;
}

function header_wrongs(response, headers) {
	const wrongs = [];
	for (const name of Object.keys(response.at.headers ?? {})) {
		const header = inside(response, 'headers', name), value = headers[name.toLowerCase()];
		if (value === undefined) {
			if (header.at.required) wrongs.push(`header ${name} is missing`);
			continue;
		}
		const schema = inside(header, 'schema');
		if (schema) wrongs.push(...wrongs_of(schema.pointer, typed(schema.at, value)).map((w) => `header ${name}: ${w}`));
	}
	return wrongs;
}

function body_wrongs(method, response, headers, text) {
	const content = response.at.content ?? {};
	const type = (headers['content-type'] ?? '').split(';')[0].trim();
	if (method === 'HEAD' || Object.keys(content).length === 0) return text === '' ? [] : ['a body where none is documented'];
	const media = inside(response, 'content', type) ?? inside(response, 'content', headers['content-type'] ?? '');
	if (media === undefined) return [`content-type "${type}" is not documented (${Object.keys(content).join(', ')})`];
	const schema = inside(media, 'schema');
	if (schema === undefined) return [];
	if (!type.endsWith('json')) return wrongs_of(schema.pointer, text);
	try {
		return wrongs_of(schema.pointer, JSON.parse(text));
	} catch (e) {
		return [`not JSON: ${e.message}: ${text.slice(0, 200)}`];
	}
}

// Where no operation exists (a wrong path, a wrong method) the answer is still a problem.
const problem = inside({ at: document, pointer: '' }, 'components', 'schemas', 'Problem');

function stray_wrongs(method, status, headers, text) {
	if (method === 'OPTIONS' && status === 204) return headers.allow ? [] : ['OPTIONS without Allow'];
	if (status < 400) return [`${status} where the document has no operation`];
	if (method === 'HEAD') return [];
	if (headers['content-type'] !== 'application/problem+json') return [`content-type ${headers['content-type']}`];
	return problem ? wrongs_of(problem.pointer, JSON.parse(text)) : ['the document has no components/schemas/Problem'];
}

// The list of what is wrong with an answer; empty when all is as documented.
export function answer_wrongs({ method, target, status, headers, text }) {
	const operation = operation_for(method, target);
	if (operation === undefined) return stray_wrongs(method, status, headers, text);
	const response = response_for(operation, status);
	if (response === undefined) return [`status ${status} is not documented for ${operation.id}`];
	return [...header_wrongs(response, headers), ...body_wrongs(method, response, headers, text)];
}

export function assert_documented(answer) {
	const wrongs = answer_wrongs(answer);
	if (wrongs.length > 0)
		throw new Error(`${answer.method} ${answer.target} → ${answer.status} is not as docs/openapi.yaml says:\n  ${wrongs.join('\n  ')}\n  ${answer.text.slice(0, 400)}`);
	return answer;
}
