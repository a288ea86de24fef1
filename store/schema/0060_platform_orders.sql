-- 0060_platform_orders.sql: an order that a platform made for itself, and somebody paid there: whoever that was, nobody here ordered it, neither a person we know nor one of the staff. And which of such
-- orders the platform has been asked about because a statement of theirs has them (payments/stray.h).

-- postgres:
ALTER TABLE pay_order DROP CONSTRAINT pay_order_check;
ALTER TABLE pay_order ADD CONSTRAINT pay_order_check CHECK (person IS NULL OR staff IS NULL);
-- end
-- sqlite:
PRAGMA defer_foreign_keys = ON;
CREATE TABLE pay_order_kept AS SELECT * FROM pay_order;
DROP TABLE pay_order;
CREATE TABLE pay_order (
	id INTEGER PRIMARY KEY,
	key BLOB NOT NULL UNIQUE,
	person INTEGER REFERENCES person (id),
	staff INTEGER REFERENCES staff (id),
	state INTEGER NOT NULL,
	total_fen INTEGER NOT NULL CHECK (total_fen >= 0),
	expires_ms INTEGER NOT NULL,
	made_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	ends_as INTEGER NOT NULL DEFAULT 0,
	CHECK (person IS NULL OR staff IS NULL)
) STRICT;
INSERT INTO pay_order SELECT id, key, person, staff, state, total_fen, expires_ms, made_ms, changed_ms, ends_as FROM pay_order_kept;
DROP TABLE pay_order_kept;
CREATE INDEX pay_order_person ON pay_order (person, id) WHERE person IS NOT NULL;
CREATE INDEX pay_order_open ON pay_order (expires_ms) WHERE state = 1;
-- end

-- clustered
CREATE TABLE pay_stray (
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	channel_no VARCHAR(64) NOT NULL,   -- its number of the order
	source BIGINT NOT NULL,            -- payments/bill_formats.def
	day BIGINT NOT NULL,               -- whose statement has it
	asks BIGINT NOT NULL,
	asked_ms BIGINT NOT NULL,
	PRIMARY KEY (channel, channel_no)
);
