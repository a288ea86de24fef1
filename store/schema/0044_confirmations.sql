-- 0044_confirmations.sql: what the finance system is told of money that came (payments/confirmation.h), and the e-receipt it issues for it (payments/receipt.h).

-- One for each notice that was paid with money. What the payment was lies in pay_payment; this is only how far its booking has come.
CREATE TABLE pay_confirmation (
	id BIGINT PRIMARY KEY,
	payment BIGINT NOT NULL REFERENCES pay_payment (id),
	notice BIGINT NOT NULL UNIQUE REFERENCES pay_notice (id),
	trace_no VARCHAR(28) NOT NULL UNIQUE, -- our number for it: with the payment code what the finance system knows a repeat by
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	division BIGINT NOT NULL,          -- the notice's
	day BIGINT NOT NULL,               -- on which the money came
	state BIGINT NOT NULL,             -- payments/confirmation_states.def
	effect BIGINT,                     -- the message under way; NULL: none
	word VARCHAR(64) NOT NULL,         -- the finance system's last, '' none
	finance_no VARCHAR(96) NOT NULL,   -- its own number for the booking, '' none
	wants_receipt BIGINT NOT NULL CHECK (wants_receipt IN (0, 1)), -- 0: the money is on its way back, and none is asked for any more
	made_ms BIGINT NOT NULL,
	booked_ms BIGINT NOT NULL,         -- 0: not yet
	changed_ms BIGINT NOT NULL
);
CREATE INDEX pay_confirmation_payment ON pay_confirmation (payment);
CREATE INDEX pay_confirmation_day ON pay_confirmation (day, id);
CREATE INDEX pay_confirmation_unsent ON pay_confirmation (id) WHERE state = 1 AND effect IS NULL;
CREATE INDEX pay_confirmation_odd ON pay_confirmation (id) WHERE state IN (4, 5);

CREATE TABLE pay_receipt (
	id BIGINT PRIMARY KEY,
	confirmation BIGINT NOT NULL UNIQUE REFERENCES pay_confirmation (id),
	state BIGINT NOT NULL,             -- payments/receipt_states.def
	effect BIGINT,                     -- the message under way; NULL: none
	word VARCHAR(64) NOT NULL,         -- the finance system's last, '' none
	code VARCHAR(20),                  -- 票据代码; NULL: not issued yet
	number VARCHAR(20),                -- 票据号码
	check_code VARCHAR(20) NOT NULL,   -- 校验码, '' none
	link BYTEA NOT NULL,               -- sealed "pay_receipt.link": where it can be seen, the payer's name in full; empty: nobody said
	red_code VARCHAR(20) NOT NULL,     -- of the red receipt (冲红), '' none
	red_number VARCHAR(20) NOT NULL,
	is_unwanted BIGINT NOT NULL CHECK (is_unwanted IN (0, 1)), -- the money goes back: reversed as soon as it is there
	made_ms BIGINT NOT NULL,
	issued_ms BIGINT NOT NULL,         -- 0: not yet
	reversed_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	UNIQUE (code, number)
);
CREATE INDEX pay_receipt_unsent ON pay_receipt (id) WHERE state IN (1, 4) AND effect IS NULL;
CREATE INDEX pay_receipt_odd ON pay_receipt (id) WHERE state IN (3, 6);
