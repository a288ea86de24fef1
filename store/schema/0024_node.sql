-- 0024_node.sql: the gateways that share this database, what each of them does for all, and whose an attempt at an effect is. Who lives, and who says so:
-- store/node.h. On SQLite there is one gateway, and both tables stay empty.

CREATE TABLE node (
	id BIGINT PRIMARY KEY,              -- of one life of one process, never given again: it is the lease's number, too
	home VARCHAR(96) NOT NULL,          -- what its state folder knows it by (the file `node`), so that the next start there can end it
	host VARCHAR(64) NOT NULL,
	version VARCHAR(32) NOT NULL,
	lease_ms BIGINT NOT NULL,           -- without a beat for so long it is dead
	beat BIGINT NOT NULL,               -- counts; compared, and never subtracted from a clock
	began_ms BIGINT NOT NULL,           -- these three by the clock of whoever wrote them: for people
	seen_ms BIGINT NOT NULL,
	ended_ms BIGINT NOT NULL            -- 0: it lives
);

-- Jobs that one node does for all (gateway/jobs.def, ONCE). Its lease is its node's.
-- clustered
CREATE TABLE job_lease (
	name VARCHAR(32) PRIMARY KEY,
	owner BIGINT NOT NULL,              -- node; 0 nobody
	taken_ms BIGINT NOT NULL,
	last_ms BIGINT NOT NULL,            -- its last bite; 0 none yet
	bites BIGINT NOT NULL
);

-- The node whose attempt, or whose question, is under way; 0 nobody's, and always so on SQLite.
ALTER TABLE effect ADD COLUMN owner BIGINT NOT NULL DEFAULT 0;
