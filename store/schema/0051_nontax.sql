-- 0051_nontax.sql: channels that name an order themselves (WeChat's non-tax platform). payments/attempt_channel.h, payments/arrive.h.
ALTER TABLE pay_attempt ADD COLUMN channel_no VARCHAR(64) NOT NULL DEFAULT ''; -- the channel's own number of the order; '': it goes by ours, or is not known
CREATE UNIQUE INDEX pay_attempt_channel_no ON pay_attempt (channel, channel_no) WHERE channel_no <> '';

-- What was paid there, by the number a payment has and the order it has to be given back by.
CREATE TABLE pay_channel_trade (
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	reference VARCHAR(64) NOT NULL,    -- of the payment
	channel_no VARCHAR(64) NOT NULL,   -- of the order
	made_ms BIGINT NOT NULL,
	PRIMARY KEY (channel, reference)
);

-- A page's address may be longer than WeChat Pay's; SQLite counts nothing.
-- postgres:
ALTER TABLE pay_attempt ALTER COLUMN handle TYPE VARCHAR(2560);;
-- end
