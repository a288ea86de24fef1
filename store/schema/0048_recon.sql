-- 0048_recon.sql: statements of others, and what comes of holding our books beside them (payments/recon_file.h, recon_run.h, recon_item.h).

-- A statement that was taken: whole, judged, and kept as it came, sealed, as a blob (auth/blob_seal.h). Its lines become no rows.
CREATE TABLE recon_file (
	id BIGINT PRIMARY KEY,
	source BIGINT NOT NULL,            -- payments/bill_formats.def
	day BIGINT NOT NULL,               -- whose it is; days since 1970-01-01
	merchant VARCHAR(64) NOT NULL,     -- '' where the layout has none
	digest BYTEA NOT NULL,             -- SHA-256 of what was unpacked: tells a repeat
	bytes BIGINT NOT NULL,             -- unpacked
	lines BIGINT NOT NULL,
	payments BIGINT NOT NULL,
	payment_fen BIGINT NOT NULL,
	refunds BIGINT NOT NULL,
	refund_fen BIGINT NOT NULL,
	fee_milli BIGINT NOT NULL,         -- thousandths of a fen
	in_fen BIGINT NOT NULL,
	out_fen BIGINT NOT NULL,
	blob BYTEA NOT NULL UNIQUE,        -- 16 bytes: what the store calls it
	blob_bytes BIGINT NOT NULL,
	head BYTEA NOT NULL,               -- sealed "recon_file.head": its own key, and the digest of what came
	state BIGINT NOT NULL CHECK (state IN (1, 2)), -- 1 it counts, 2 another of its day has taken its place
	maker_kind BIGINT NOT NULL,        -- enum who
	maker BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	UNIQUE (source, day, merchant, digest)
);
CREATE UNIQUE INDEX recon_file_one ON recon_file (source, day, merchant) WHERE state = 1;

-- What the store's blobs are needed by: for backups, and for whoever takes away what nobody needs.
CREATE VIEW blob_name AS SELECT name FROM blob UNION ALL SELECT blob AS name FROM recon_file;

-- One source of one day held beside our books: again whenever something may have changed.
CREATE TABLE recon_run (
	id BIGINT PRIMARY KEY,
	source BIGINT NOT NULL,
	day BIGINT NOT NULL,
	state BIGINT NOT NULL CHECK (state IN (1, 2, 3, 4)), -- 1 asked, 2 under way, 3 done, 4 there is nothing to hold beside
	round BIGINT NOT NULL,             -- counts askings: who began an older one writes nothing any more
	due_ms BIGINT NOT NULL,            -- not before; under way: taken for dead from then on
	tries BIGINT NOT NULL,             -- that failed, of this round
	reason VARCHAR(64) NOT NULL,       -- why the last one failed, '' it did not
	ours BIGINT NOT NULL,
	theirs BIGINT NOT NULL,
	matched BIGINT NOT NULL,
	differences BIGINT NOT NULL,
	asked_ms BIGINT NOT NULL,
	ended_ms BIGINT NOT NULL,
	UNIQUE (source, day)
);
CREATE INDEX recon_run_due ON recon_run (due_ms) WHERE state IN (1, 2);

-- What did not match. The same difference is the same row in every round.
CREATE TABLE recon_item (
	id BIGINT PRIMARY KEY,
	source BIGINT NOT NULL,
	day BIGINT NOT NULL,
	side BIGINT NOT NULL,              -- enum recon_side
	number VARCHAR(80) NOT NULL,       -- the channel's number, our refund's, or a payment code
	kind BIGINT NOT NULL,              -- payments/recon_kinds.def
	ours BIGINT NOT NULL,              -- our row, by side; 0 none
	ours_fen BIGINT NOT NULL,
	theirs_fen BIGINT NOT NULL,
	line BIGINT NOT NULL,              -- of the statement; 0 none
	division BIGINT NOT NULL,          -- 0: nobody knows
	at_ms BIGINT NOT NULL,
	state BIGINT NOT NULL CHECK (state IN (1, 2, 3, 4)), -- 1 open, 2 explained by the queue of odd money, 3 settled by two people, 4 not found any more
	action BIGINT NOT NULL,            -- payments/recon_actions.def; 0 none
	proposal BIGINT NOT NULL,          -- 0 none
	round BIGINT NOT NULL,             -- of the run that saw it last
	first_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	UNIQUE (source, day, side, number)
);
CREATE INDEX recon_item_day ON recon_item (day, state, id);
CREATE INDEX recon_item_open ON recon_item (kind, day) WHERE state = 1;
CREATE INDEX recon_item_round ON recon_item (source, day, round);

CREATE INDEX pay_payment_taken ON pay_payment (channel, taken_ms, id);
CREATE INDEX pay_odd_came ON pay_odd (channel, came_ms, id);

-- What a day's fund flow says reached the collecting account, by business, and how much of it is posted.
-- clustered
CREATE TABLE recon_settlement (
	source BIGINT NOT NULL,
	day BIGINT NOT NULL,
	business BIGINT NOT NULL,          -- enum bill_business
	lines BIGINT NOT NULL,
	fen BIGINT NOT NULL,               -- + came, - went
	step BIGINT NOT NULL,              -- of the journals that posted it
	PRIMARY KEY (source, day, business)
);
