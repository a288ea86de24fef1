// One request's way: read, routed, a fault taken, judged, acted, written down, answered. Written down before it is answered, so that who has
// the answer finds it in the log.
import { setTimeout as pause } from 'node:timers/promises';
import { ORDINARY, drop, send } from './answer.mjs';
import { match_path, read_question } from './question.mjs';

export class Door {
	constructor(peers, faults, journal) {
		Object.assign(this, { peers, faults, journal, hanging: new Set() });
	}

	// For a server's request event: whatever goes wrong in here is the sandbox's own fault and is said so.
	serve = (req, res) => {
		res.on('error', () => {});
		this.exchange(req, res).catch((error) => {
			if (req.destroyed && !req.complete) return; // gone before it was whole
			console.error(error);
			if (!res.headersSent) send(res, { status: 500, body: { code: 'sandbox_broken', detail: String(error) } });
		});
	};

	async exchange(req, res) {
		const question = await read_question(req);
		if (question.body === null) return send(res, { status: 413, body: { code: 'too_large' } });
		const found = this.find(question);
		if (found === null) {
			this.note(question, { answer: { status: 404 } });
			return send(res, { status: 404, body: { code: 'no_such_peer' } });
		}
		const { peer, route } = found;
		const fault = this.faults.take(peer, route, question);
		const plan = fault ?? ORDINARY;
		const { answer, acted } = carry_out(plan, peer, route, question);
		this.note(question, { peer: peer.name, route: route.name, answer, acted, fault: fault?.kind });
		if (answer?.before_sending) await answer.before_sending();
		if (fault?.delay_ms) await pause(fault.delay_ms);
		// A refusal leaves as it is, whatever was to happen to an answer.
		return (plan.acted && !acted ? send : plan.send)(res, answer, this.hanging);
	}

	find(question) {
		for (const peer of this.peers)
			for (const route of peer.routes) {
				const params = match_path(route.path, question.path);
				if (params === null || (route.when && !route.when(question))) continue;
				question.params = params;
				return { peer, route };
			}
		return null;
	}

	note(question, { answer, fault = null, acted = false, ...where }) {
		const { http, tls, method, target, headers, fields, params, body } = question;
		this.journal.add({ kind: 'request', peer: null, route: null, ...where, http, tls, method, target, headers, fields: { ...params, ...fields }, body: body.toString('utf8'),
			status: answer?.status ?? null, code: answer?.body?.code ?? answer?.body?.Code ?? null, acted, fault, ...answer?.note });
	}

	// Who hangs, hangs until the faults are taken away.
	release() {
		for (const res of this.hanging) drop(res);
		this.hanging.clear();
	}
}

function carry_out(plan, peer, route, question) {
	if (plan.judged) {
		const refusal = route.judge(question);
		if (refusal) return { answer: refusal, acted: false };
	}
	if (plan.make) return { answer: plan.make(plan, peer), acted: false };
	if (!plan.acted) return { answer: null, acted: false };
	const answer = route.act(question);
	return { answer, acted: answer.is_refusal !== true };
}
