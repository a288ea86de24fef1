-- 0034_orders.sql: attempts to pay notices, and the money that came for them (payments/order.h, payments/payment.h).
CREATE TABLE pay_order (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- its name outside
	person BIGINT REFERENCES person (id), -- who pays, perhaps for another; NULL: somebody at a counter
	staff BIGINT REFERENCES staff (id),   -- who took it at a counter; NULL: nobody
	state BIGINT NOT NULL,             -- payments/order_states.def
	total_fen BIGINT NOT NULL CHECK (total_fen >= 0),
	expires_ms BIGINT NOT NULL,        -- the end of its hold on the notices
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK ((person IS NULL) <> (staff IS NULL))
);
CREATE INDEX pay_order_person ON pay_order (person, id) WHERE person IS NOT NULL;
CREATE INDEX pay_order_open ON pay_order (expires_ms) WHERE state = 1;

-- clustered
CREATE TABLE pay_order_notice (
	pay_order BIGINT NOT NULL REFERENCES pay_order (id),
	notice BIGINT NOT NULL REFERENCES pay_notice (id),
	total_fen BIGINT NOT NULL CHECK (total_fen >= 0),          -- as it was quoted then
	is_live BIGINT NOT NULL CHECK (is_live IN (0, 1)),         -- its order is open
	PRIMARY KEY (pay_order, notice)
);
-- Whatever the program believes: nobody can be made to pay a notice twice at once.
CREATE UNIQUE INDEX pay_order_notice_live ON pay_order_notice (notice) WHERE is_live = 1;

-- Money that came. Only ever added to; what goes back is a refund, with a row of its own.
CREATE TABLE pay_payment (
	id BIGINT PRIMARY KEY,
	pay_order BIGINT NOT NULL UNIQUE REFERENCES pay_order (id),
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	reference VARCHAR(64),             -- the terminal's or platform's own number; NULL: cash
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	journal BIGINT NOT NULL REFERENCES ledger_journal (id),
	taken_ms BIGINT NOT NULL,
	UNIQUE (channel, reference)
);

-- sqlite:
CREATE TRIGGER pay_payment_no_update BEFORE UPDATE ON pay_payment BEGIN
	SELECT RAISE(ABORT, 'pay_payment is append-only');
END;;
CREATE TRIGGER pay_payment_no_delete BEFORE DELETE ON pay_payment BEGIN
	SELECT RAISE(ABORT, 'pay_payment is append-only');
END;;
-- end
-- postgres:
CREATE TRIGGER pay_payment_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON pay_payment
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
