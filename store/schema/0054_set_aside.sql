-- 0054_set_aside.sql: rows that jobs of payments cannot do (payments/aside.h), and e-receipts of what remains after a part refund (payments/receipt.h).

-- clustered
CREATE TABLE pay_aside (
	queue BIGINT NOT NULL,             -- payments/aside_queues.def
	subject BIGINT NOT NULL,           -- the row, in its queue's table
	name VARCHAR(64) NOT NULL,         -- what people know it by
	division BIGINT NOT NULL,
	reason VARCHAR(40) NOT NULL,       -- why the last try failed: a code of base/fail.def
	tries BIGINT NOT NULL CHECK (tries > 0),
	next_ms BIGINT NOT NULL,           -- when it is tried again
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	PRIMARY KEY (queue, subject)
);

-- A notice has one receipt, and that may be a new paper for a lesser amount: n counts them.
ALTER TABLE pay_receipt ADD COLUMN n BIGINT NOT NULL DEFAULT 1;
ALTER TABLE pay_receipt ADD COLUMN amount_fen BIGINT NOT NULL DEFAULT 0;
UPDATE pay_receipt SET amount_fen = (SELECT c.amount_fen FROM pay_confirmation c WHERE c.id = pay_receipt.confirmation);

-- The papers before it: each was reversed whole. Where one can be seen is not kept.
-- clustered
CREATE TABLE pay_receipt_past (
	receipt BIGINT NOT NULL REFERENCES pay_receipt (id),
	n BIGINT NOT NULL,
	code VARCHAR(20) NOT NULL,
	number VARCHAR(20) NOT NULL,
	check_code VARCHAR(20) NOT NULL,
	red_code VARCHAR(20) NOT NULL,
	red_number VARCHAR(20) NOT NULL,
	amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
	issued_ms BIGINT NOT NULL,
	reversed_ms BIGINT NOT NULL,
	PRIMARY KEY (receipt, n),
	UNIQUE (code, number)
);
