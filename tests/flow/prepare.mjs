// Makes what the gateways of this run begin with (lib/prepared.mjs).
import { Gateway } from './lib/gateway.mjs';
import { drop, keep } from './lib/prepared.mjs';
import { end_servers } from './lib/stores.mjs';

drop();
const states = {};
for (const data of [true, false]) {
	const name = data ? 'data' : 'bare';
	const g = await Gateway.start({ data, fresh: name });
	await g.stop();
	states[name] = g.state;
}
keep(states, await end_servers());
