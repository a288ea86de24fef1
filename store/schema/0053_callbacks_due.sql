-- 0053_callbacks_due.sql: callbacks of platforms of payment that are kept (pay_callback, 0042) and from which nothing has followed yet. services/pay_callback.h.
-- A row is here until it has.
CREATE TABLE pay_callback_due (
	id BIGINT PRIMARY KEY REFERENCES pay_callback (id),
	type VARCHAR(32) NOT NULL,         -- "transaction", "refund"
	said BYTEA NOT NULL,               -- sealed "pay_callback_due.said": as it was opened, for the key that opens it may be another by then
	tries BIGINT NOT NULL,
	due_ms BIGINT NOT NULL,
	reason VARCHAR(32) NOT NULL,       -- why it did not follow last time (base/fail.def)
	made_ms BIGINT NOT NULL
);
CREATE INDEX pay_callback_due_next ON pay_callback_due (due_ms, id);
CREATE INDEX pay_callback_due_made ON pay_callback_due (made_ms);
