-- 0049_recon_day.sql: days whose every fen is explained, signed by two people (payments/recon_day.h). A row says what was signed; what is otherwise since is seen by its digest.
CREATE TABLE recon_day (
	day BIGINT PRIMARY KEY,            -- days since 1970-01-01
	proposal BIGINT NOT NULL,          -- by which it was closed: who proposed, who decided
	digest BYTEA NOT NULL,             -- of the day's statements, runs and differences as they were
	closed_ms BIGINT NOT NULL
);
-- sqlite:
CREATE TRIGGER recon_day_no_update BEFORE UPDATE ON recon_day BEGIN
	SELECT RAISE(ABORT, 'recon_day is append-only');
END;;
CREATE TRIGGER recon_day_no_delete BEFORE DELETE ON recon_day BEGIN
	SELECT RAISE(ABORT, 'recon_day is append-only');
END;;
-- end
-- postgres:
CREATE TRIGGER recon_day_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON recon_day
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
