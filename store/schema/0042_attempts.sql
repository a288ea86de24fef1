-- 0042_attempts.sql: what a payment channel was asked for an order (支付单), and what platforms of payment told us. payments/attempt.h, services/callback_wechat_pay.c.
-- What an order becomes when nothing at a channel can pay it any more (payments/order_states.def); 0: it goes on.
ALTER TABLE pay_order ADD COLUMN ends_as BIGINT NOT NULL DEFAULT 0;

CREATE TABLE pay_attempt (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- its name outside
	pay_order BIGINT NOT NULL REFERENCES pay_order (id),
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	method BIGINT NOT NULL,            -- payments/attempt_methods.def
	out_trade_no VARCHAR(32) NOT NULL UNIQUE, -- our number of it at the channel, for ever
	total_fen BIGINT NOT NULL CHECK (total_fen > 0),
	state BIGINT NOT NULL,             -- payments/attempt_states.def
	is_live BIGINT NOT NULL CHECK (is_live IN (0, 1)), -- money may still come by it
	payload BYTEA NOT NULL,            -- sealed "pay_attempt.payload": what was asked, so that it can be asked again letter by letter
	handle VARCHAR(512) NOT NULL,      -- what a phone goes on with; '': nothing yet
	handle_ms BIGINT NOT NULL,
	effect BIGINT NOT NULL,            -- the newest that orders it there
	asking BIGINT NOT NULL,            -- the question or the close that is under way; 0 none
	asks BIGINT NOT NULL,              -- questions since it was ready, or since it is being closed
	ask_ms BIGINT NOT NULL,            -- the next question; 0: none
	deeds BIGINT NOT NULL,             -- effects so far: no two of them bear one key
	word VARCHAR(64) NOT NULL,         -- the channel's last word
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL
);
-- Whatever the program believes: an order can be paid in one way at a time.
CREATE UNIQUE INDEX pay_attempt_live ON pay_attempt (pay_order) WHERE is_live = 1;
CREATE INDEX pay_attempt_order ON pay_attempt (pay_order, id);
CREATE INDEX pay_attempt_effect ON pay_attempt (effect);
CREATE INDEX pay_attempt_asking ON pay_attempt (asking) WHERE asking > 0;
CREATE INDEX pay_attempt_ask ON pay_attempt (ask_ms) WHERE ask_ms > 0;

-- What a platform called us with, as it came, before anything follows from it. Its own number tells a repeat.
CREATE TABLE pay_callback (
	id BIGINT PRIMARY KEY,
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	event VARCHAR(64) NOT NULL,
	body BYTEA NOT NULL,               -- sealed "pay_callback.body"
	word VARCHAR(32) NOT NULL,         -- what came of it
	made_ms BIGINT NOT NULL,
	UNIQUE (channel, event)
);
CREATE INDEX pay_callback_made ON pay_callback (made_ms);

-- WeChat Pay's own certificates, as it gave them to us: public. channels/wechat_pay_keys.h
CREATE TABLE pay_certificate (
	certificate_no VARCHAR(64) PRIMARY KEY,
	pem VARCHAR(8192) NOT NULL,
	seen_ms BIGINT NOT NULL            -- when it was first given
);
-- When they were asked for last, and by which effect. One row.
CREATE TABLE pay_certificate_ask (
	id BIGINT PRIMARY KEY CHECK (id = 1),
	effect BIGINT NOT NULL,
	asked_ms BIGINT NOT NULL
);
INSERT INTO pay_certificate_ask (id, effect, asked_ms) VALUES (1, 0, 0);
