-- 0064_recon_none.sql: days of which a channel itself said that it has no statement (payments/recon_file.h): as good as one without a line, until one comes.
-- clustered
CREATE TABLE recon_none (
	source BIGINT NOT NULL,            -- payments/bill_formats.def
	day BIGINT NOT NULL,               -- days since 1970-01-01
	said_ms BIGINT NOT NULL,           -- the first time
	PRIMARY KEY (source, day)
);
-- sqlite:
CREATE TRIGGER recon_none_no_update BEFORE UPDATE ON recon_none BEGIN
	SELECT RAISE(ABORT, 'recon_none is append-only');
END;;
CREATE TRIGGER recon_none_no_delete BEFORE DELETE ON recon_none BEGIN
	SELECT RAISE(ABORT, 'recon_none is append-only');
END;;
-- end
-- postgres:
CREATE TRIGGER recon_none_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON recon_none
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
