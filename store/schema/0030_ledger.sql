-- 0030_ledger.sql: money that moved (payments/ledger.h). Append-only double entry: no row of it is ever changed, and nothing in it is a running balance.
-- The postings of a journal are written before it; the journal closes the group, and the database looks the group over then: all there, of one day, sum zero.
-- Postings that no journal ever closes it cannot refuse (a deferred constraint could, but a batch would fail with it): verification finds those.

-- Whose money: kinds and what each needs, payments/ledger_accounts.def. What a kind does not need is 0 or ''.
CREATE TABLE ledger_account (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	kind BIGINT NOT NULL,
	channel BIGINT NOT NULL,           -- payments/pay_channels.def
	division BIGINT NOT NULL,          -- GB/T 2260
	unit VARCHAR(30) NOT NULL,         -- 执收单位编码
	item VARCHAR(30) NOT NULL,         -- 收入项目编码
	opened_ms BIGINT NOT NULL,
	UNIQUE (kind, channel, division, unit, item)
);

-- Days that take no more postings, because their balances are noted.
CREATE TABLE ledger_day (
	day BIGINT PRIMARY KEY,            -- days since 1970-01-01
	closed_ms BIGINT NOT NULL
);

CREATE TABLE ledger_journal (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	cause BIGINT NOT NULL,             -- payments/ledger_causes.def
	subject BIGINT NOT NULL,           -- the row that caused it, by cause
	step BIGINT NOT NULL,              -- 0, or which of several by one subject
	corrects BIGINT REFERENCES ledger_journal (id),
	day BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	postings BIGINT NOT NULL CHECK (postings >= 2),
	digest BYTEA NOT NULL,             -- of its postings
	UNIQUE (cause, subject, step)
);
CREATE INDEX ledger_journal_corrects ON ledger_journal (corrects) WHERE corrects IS NOT NULL;

-- clustered
CREATE TABLE ledger_posting (
	journal BIGINT NOT NULL,           -- comes after them, so this cannot refer to it
	n BIGINT NOT NULL,
	account BIGINT NOT NULL REFERENCES ledger_account (id),
	amount_fen BIGINT NOT NULL CHECK (amount_fen <> 0 AND amount_fen BETWEEN -1000000000000000 AND 1000000000000000), -- + debit, - credit
	day BIGINT NOT NULL,
	PRIMARY KEY (journal, n)
);
CREATE INDEX ledger_posting_account ON ledger_posting (account, day, journal, n, amount_fen);

-- What was on an account at the end of a closed day. An account that did not move has no row: its last one holds.
-- clustered
CREATE TABLE ledger_balance (
	account BIGINT NOT NULL REFERENCES ledger_account (id),
	day BIGINT NOT NULL REFERENCES ledger_day (day),
	balance_fen BIGINT NOT NULL,
	postings BIGINT NOT NULL,          -- ever, up to that day's end
	PRIMARY KEY (account, day)
);

-- How far the noting of a closed day's balances has come; gone when it is done.
CREATE TABLE ledger_closing (
	day BIGINT PRIMARY KEY REFERENCES ledger_day (day),
	account BIGINT NOT NULL,           -- being summed; 0: none yet
	since BIGINT NOT NULL,             -- the day of its last balance
	at_day BIGINT NOT NULL,            -- its last posting that was counted
	at_journal BIGINT NOT NULL,
	at_n BIGINT NOT NULL,
	sum_fen BIGINT NOT NULL,
	postings BIGINT NOT NULL
);

-- sqlite:
CREATE TRIGGER ledger_account_no_update BEFORE UPDATE ON ledger_account BEGIN
	SELECT RAISE(ABORT, 'ledger_account is append-only');
END;;
CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account BEGIN
	SELECT RAISE(ABORT, 'ledger_account is append-only');
END;;
CREATE TRIGGER ledger_account_no_replace BEFORE INSERT ON ledger_account WHEN EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.id
	OR (kind = NEW.kind AND channel = NEW.channel AND division = NEW.division AND unit = NEW.unit AND item = NEW.item)) BEGIN
	SELECT RAISE(ABORT, 'ledger_account is append-only');
END;;
CREATE TRIGGER ledger_day_no_update BEFORE UPDATE ON ledger_day BEGIN
	SELECT RAISE(ABORT, 'ledger_day is append-only');
END;;
CREATE TRIGGER ledger_day_no_delete BEFORE DELETE ON ledger_day BEGIN
	SELECT RAISE(ABORT, 'ledger_day is append-only');
END;;
CREATE TRIGGER ledger_day_no_replace BEFORE INSERT ON ledger_day WHEN EXISTS (SELECT 1 FROM ledger_day WHERE day >= NEW.day) BEGIN
	SELECT RAISE(ABORT, 'ledger_day: that day is closed');
END;;
CREATE TRIGGER ledger_balance_no_update BEFORE UPDATE ON ledger_balance BEGIN
	SELECT RAISE(ABORT, 'ledger_balance is append-only');
END;;
CREATE TRIGGER ledger_balance_no_delete BEFORE DELETE ON ledger_balance BEGIN
	SELECT RAISE(ABORT, 'ledger_balance is append-only');
END;;
CREATE TRIGGER ledger_balance_no_replace BEFORE INSERT ON ledger_balance
	WHEN EXISTS (SELECT 1 FROM ledger_balance WHERE account = NEW.account AND day = NEW.day) BEGIN
	SELECT RAISE(ABORT, 'ledger_balance is append-only');
END;;
CREATE TRIGGER ledger_journal_no_update BEFORE UPDATE ON ledger_journal BEGIN
	SELECT RAISE(ABORT, 'ledger_journal is append-only');
END;;
CREATE TRIGGER ledger_journal_no_delete BEFORE DELETE ON ledger_journal BEGIN
	SELECT RAISE(ABORT, 'ledger_journal is append-only');
END;;
CREATE TRIGGER ledger_journal_no_replace BEFORE INSERT ON ledger_journal
	WHEN EXISTS (SELECT 1 FROM ledger_journal WHERE id = NEW.id OR (cause = NEW.cause AND subject = NEW.subject AND step = NEW.step)) BEGIN
	SELECT RAISE(ABORT, 'ledger_journal is append-only');
END;;
CREATE TRIGGER ledger_journal_close BEFORE INSERT ON ledger_journal
	WHEN (SELECT COUNT(*) <> NEW.postings OR SUM(amount_fen) <> 0 OR MIN(day) <> NEW.day OR MAX(day) <> NEW.day OR MIN(n) <> 1 OR MAX(n) <> NEW.postings
		FROM ledger_posting WHERE journal = NEW.id)
		OR EXISTS (SELECT 1 FROM ledger_day WHERE day >= NEW.day) BEGIN
	SELECT RAISE(ABORT, 'ledger_journal: its postings are not whole, not of its day, do not sum to zero, or the day is closed');
END;;
CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting BEGIN
	SELECT RAISE(ABORT, 'ledger_posting is append-only');
END;;
CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting BEGIN
	SELECT RAISE(ABORT, 'ledger_posting is append-only');
END;;
CREATE TRIGGER ledger_posting_no_more BEFORE INSERT ON ledger_posting
	WHEN EXISTS (SELECT 1 FROM ledger_journal WHERE id = NEW.journal) OR EXISTS (SELECT 1 FROM ledger_posting WHERE journal = NEW.journal AND n = NEW.n) BEGIN
	SELECT RAISE(ABORT, 'ledger_posting: that journal is closed');
END;;
-- end
-- postgres:
CREATE FUNCTION ledger_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER ledger_account_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_account
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_day_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_day
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_balance_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_balance
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_journal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_journal
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_posting_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE FUNCTION ledger_day_after() RETURNS trigger AS $$ BEGIN
	IF EXISTS (SELECT 1 FROM ledger_day WHERE day >= NEW.day) THEN
		RAISE EXCEPTION 'ledger_day: that day is closed' USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER ledger_day_after BEFORE INSERT ON ledger_day FOR EACH ROW EXECUTE FUNCTION ledger_day_after();;
CREATE FUNCTION ledger_journal_close() RETURNS trigger AS $$ BEGIN
	IF (SELECT COUNT(*) <> NEW.postings OR SUM(amount_fen) <> 0 OR MIN(day) <> NEW.day OR MAX(day) <> NEW.day OR MIN(n) <> 1 OR MAX(n) <> NEW.postings
		FROM ledger_posting WHERE journal = NEW.id) OR EXISTS (SELECT 1 FROM ledger_day WHERE day >= NEW.day) THEN
		RAISE EXCEPTION 'ledger_journal: its postings are not whole, not of its day, do not sum to zero, or the day is closed'
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER ledger_journal_close BEFORE INSERT ON ledger_journal FOR EACH ROW EXECUTE FUNCTION ledger_journal_close();;
CREATE FUNCTION ledger_posting_no_more() RETURNS trigger AS $$ BEGIN
	IF EXISTS (SELECT 1 FROM ledger_journal WHERE id = NEW.journal) THEN
		RAISE EXCEPTION 'ledger_posting: that journal is closed' USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER ledger_posting_no_more BEFORE INSERT ON ledger_posting FOR EACH ROW EXECUTE FUNCTION ledger_posting_no_more();;
-- end
