-- 0047_refunds.sql: money that goes back (payments/refund.h).

-- What of a notice's payment was asked for and not given up. Two who ask at once meet on this row, and it never holds more than was paid.
-- clustered
CREATE TABLE pay_refundable (
	payment BIGINT NOT NULL REFERENCES pay_payment (id),
	notice BIGINT NOT NULL REFERENCES pay_notice (id),
	paid_fen BIGINT NOT NULL CHECK (paid_fen > 0),
	asked_fen BIGINT NOT NULL,
	PRIMARY KEY (payment, notice),
	CHECK (asked_fen BETWEEN 0 AND paid_fen)
);

CREATE TABLE pay_refund (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- its name outside and its number at the channel (out_refund_no), for ever
	payment BIGINT REFERENCES pay_payment (id),
	notice BIGINT REFERENCES pay_notice (id),
	odd BIGINT REFERENCES pay_odd (id),
	asker BIGINT NOT NULL CHECK (asker IN (1, 2, 3)), -- 1 a person, 2 the unit, 3 the payment office
	asked_by BIGINT NOT NULL,          -- row of person, department or staff, by asker
	person BIGINT REFERENCES person (id), -- who paid, and is told
	department BIGINT REFERENCES department (id), -- whose notice it was
	division BIGINT NOT NULL,
	channel BIGINT NOT NULL,           -- payments/pay_channels.def: it came by
	path BIGINT NOT NULL,              -- payments/refund_paths.def; 0 not decided
	ground BIGINT NOT NULL,            -- payments/refund_grounds.def
	reason BYTEA NOT NULL,             -- sealed "pay_refund.reason"
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	state BIGINT NOT NULL,             -- payments/refund_states.def
	told BIGINT NOT NULL,              -- the state its person heard of last
	since_ms BIGINT NOT NULL,
	next_ms BIGINT,                    -- when the job looks at it; NULL: it does not
	tries BIGINT NOT NULL,
	effect BIGINT,
	word VARCHAR(64) NOT NULL,         -- the channel's last, '' none
	channel_no VARCHAR(96) NOT NULL,   -- the channel's number of it, the slip's or the voucher's (收入退还书), '' none
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK ((odd IS NULL) <> (payment IS NULL)),
	CHECK ((payment IS NULL) = (notice IS NULL))
);
CREATE INDEX pay_refund_payment ON pay_refund (payment) WHERE payment IS NOT NULL;
CREATE INDEX pay_refund_notice ON pay_refund (notice) WHERE notice IS NOT NULL;
CREATE INDEX pay_refund_person ON pay_refund (person, id) WHERE person IS NOT NULL;
CREATE INDEX pay_refund_department ON pay_refund (department, id) WHERE department IS NOT NULL;
CREATE INDEX pay_refund_state ON pay_refund (state, id);
CREATE INDEX pay_refund_next ON pay_refund (next_ms) WHERE next_ms IS NOT NULL;
-- One that is not given up for each piece of odd money, and each slip and voucher once.
CREATE UNIQUE INDEX pay_refund_odd ON pay_refund (odd) WHERE odd IS NOT NULL AND state NOT IN (8, 9, 10);
CREATE UNIQUE INDEX pay_refund_number ON pay_refund (channel, path, channel_no) WHERE channel_no <> '';

-- Which of the notice's items it takes from.
-- clustered
CREATE TABLE pay_refund_item (
	refund BIGINT NOT NULL REFERENCES pay_refund (id),
	n BIGINT NOT NULL,                 -- of pay_notice_item
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	PRIMARY KEY (refund, n)
);

-- The way it went.
-- clustered
CREATE TABLE pay_refund_step (
	refund BIGINT NOT NULL REFERENCES pay_refund (id),
	n BIGINT NOT NULL,
	state BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	PRIMARY KEY (refund, n)
);

-- sqlite:
CREATE TRIGGER pay_refund_no_change BEFORE UPDATE OF id, key, payment, notice, odd, asker, asked_by, department, division, channel, amount_fen, made_ms ON pay_refund BEGIN
	SELECT RAISE(ABORT, 'pay_refund: what was asked for is not changed');
END;;
CREATE TRIGGER pay_refund_no_delete BEFORE DELETE ON pay_refund BEGIN
	SELECT RAISE(ABORT, 'pay_refund is never deleted');
END;;
-- end
-- postgres:
CREATE TRIGGER pay_refund_no_change BEFORE UPDATE OF id, key, payment, notice, odd, asker, asked_by, department, division, channel, amount_fen, made_ms ON pay_refund
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER pay_refund_no_delete BEFORE DELETE OR TRUNCATE ON pay_refund
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
