-- 0011_identities.sql: accounts elsewhere as ways in (auth/provider.h): rows of login that are no phones get a name outside and room for a second name.

ALTER TABLE login ADD COLUMN key BYTEA;   -- 16 bytes, pi_… outside; NULL: a phone
ALTER TABLE login ADD COLUMN more BYTEA;  -- sealed "login.more": WeChat's unionid; NULL: none
CREATE UNIQUE INDEX login_key ON login (key) WHERE key IS NOT NULL;
