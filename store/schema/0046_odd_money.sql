-- 0046_odd_money.sql: money that came and fits nowhere (payments/odd_money.h). What came is never changed; its state is.
CREATE TABLE pay_odd (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- its name outside, made of channel and reference
	kind BIGINT NOT NULL,              -- payments/odd_kinds.def
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	reference VARCHAR(64) NOT NULL,    -- the channel's own number of the payment
	pay_order BIGINT REFERENCES pay_order (id), -- NULL: none of ours
	division BIGINT NOT NULL,
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	journal BIGINT NOT NULL REFERENCES ledger_journal (id),
	came_ms BIGINT NOT NULL,
	state BIGINT NOT NULL,             -- payments/odd_states.def
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	UNIQUE (channel, reference)
);
CREATE INDEX pay_odd_state ON pay_odd (state, id);
CREATE INDEX pay_odd_order ON pay_odd (pay_order) WHERE pay_order IS NOT NULL;

-- sqlite:
CREATE TRIGGER pay_odd_no_change BEFORE UPDATE OF id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, made_ms ON pay_odd BEGIN
	SELECT RAISE(ABORT, 'pay_odd: what came is not changed');
END;;
CREATE TRIGGER pay_odd_no_delete BEFORE DELETE ON pay_odd BEGIN
	SELECT RAISE(ABORT, 'pay_odd is never deleted');
END;;
-- end
-- postgres:
CREATE TRIGGER pay_odd_no_change BEFORE UPDATE OF id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, made_ms ON pay_odd
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER pay_odd_no_delete BEFORE DELETE OR TRUNCATE ON pay_odd
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
