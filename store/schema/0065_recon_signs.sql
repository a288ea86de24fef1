-- 0065_recon_signs.sql: a day whose books or differences changed after it was signed can be signed again (payments/recon_day.h); what was signed before stays. The digest speaks of our own books from
-- now on, so what was signed until now reads as changed until it is signed again. A run says beside which books it held its statement (payments/recon_books.h).
CREATE TABLE recon_sign (
	day BIGINT NOT NULL,               -- days since 1970-01-01
	n BIGINT NOT NULL,                 -- 1 the first time; the greatest is what holds
	proposal BIGINT NOT NULL,          -- by which it was closed: who proposed, who decided
	digest BYTEA NOT NULL,             -- of our books, the day's statements and differences as they were
	closed_ms BIGINT NOT NULL,
	PRIMARY KEY (day, n)
);
INSERT INTO recon_sign (day, n, proposal, digest, closed_ms) SELECT day, 1, proposal, digest, closed_ms FROM recon_day;
DROP TABLE recon_day;
-- sqlite:
CREATE TRIGGER recon_sign_no_update BEFORE UPDATE ON recon_sign BEGIN
	SELECT RAISE(ABORT, 'recon_sign is append-only');
END;;
CREATE TRIGGER recon_sign_no_delete BEFORE DELETE ON recon_sign BEGIN
	SELECT RAISE(ABORT, 'recon_sign is append-only');
END;;
-- end
-- postgres:
CREATE TRIGGER recon_sign_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON recon_sign
	FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
-- end
ALTER TABLE recon_run ADD COLUMN books BIGINT NOT NULL DEFAULT 0; -- what our side was when it was held; 0: nobody noted it
