-- 0057_wechat_official.sql: an account at WeChat's official account is a way in of its own (auth/providers.def), so the kinds of ways in are no longer counted here.
-- Others refer to these rows: while they are written anew what refers to them waits for the end of this transaction, when all of them are there again.

-- postgres:
ALTER TABLE login DROP CONSTRAINT login_kind_check;
ALTER TABLE login ADD CONSTRAINT login_kind_check CHECK (kind >= 1);
-- end
-- sqlite:
PRAGMA defer_foreign_keys = ON;
CREATE TABLE login_kept AS SELECT * FROM login;
DROP TABLE login;
CREATE TABLE login (
	id INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL CHECK (kind >= 1),
	hash_a BLOB,
	hash_b BLOB,
	value BLOB NOT NULL,
	person INTEGER NOT NULL REFERENCES person (id),
	level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 2),
	made_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	ended_ms INTEGER,
	key BLOB,
	more BLOB,
	CHECK (hash_a IS NOT NULL OR hash_b IS NOT NULL)
) STRICT;
INSERT INTO login SELECT id, kind, hash_a, hash_b, value, person, level, made_ms, seen_ms, ended_ms, key, more FROM login_kept;
DROP TABLE login_kept;
CREATE INDEX login_a ON login (hash_a, kind) WHERE hash_a IS NOT NULL;
CREATE INDEX login_b ON login (hash_b, kind) WHERE hash_b IS NOT NULL;
CREATE INDEX login_person ON login (person, id);
CREATE UNIQUE INDEX login_key ON login (key) WHERE key IS NOT NULL;
-- end
