-- 0066_settlement.sql: what reached which account, of every channel and not of WeChat Pay alone (payments/recon_settle.h); and what an account's flow says of its balance.

-- What a day's statement says, by channel, merchant, account and business, and how much of it is posted.
-- clustered
CREATE TABLE recon_settled (
	day BIGINT NOT NULL,
	source BIGINT NOT NULL,            -- payments/bill_formats.def
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	merchant VARCHAR(64) NOT NULL,     -- whose money it was at the channel; '' there is none
	account VARCHAR(64) NOT NULL,      -- where it is now; '' nobody says, or nowhere yet
	business BIGINT NOT NULL,          -- enum bill_business
	lines BIGINT NOT NULL,
	fen BIGINT NOT NULL,               -- + came, - went, or was kept
	step BIGINT NOT NULL,              -- of the journals that posted it
	PRIMARY KEY (day, source, channel, merchant, account, business)
);
-- Of withdrawals and other business (5, 6) only the rows were kept so far: nothing of them is posted, and their step is taken.
INSERT INTO recon_settled (day, source, channel, merchant, account, business, lines, fen, step)
	SELECT day, source, 3, '', '', business, CASE WHEN business IN (5, 6) THEN 0 ELSE lines END, CASE WHEN business IN (5, 6) THEN 0 ELSE fen END, step FROM recon_settlement;
DROP TABLE recon_settlement;
ALTER TABLE recon_settled RENAME TO recon_settlement;

-- The balances of an account's flow of a day, beside what its lines come to.
-- clustered
CREATE TABLE recon_flow (
	day BIGINT NOT NULL,
	source BIGINT NOT NULL,
	account VARCHAR(64) NOT NULL,
	lines BIGINT NOT NULL,
	opening_fen BIGINT NOT NULL,       -- before its first line
	moved_fen BIGINT NOT NULL,         -- what its lines come to
	closing_fen BIGINT NOT NULL,       -- behind its last
	breaks BIGINT NOT NULL,            -- lines whose balance does not follow from the one before
	PRIMARY KEY (day, source, account)
);
