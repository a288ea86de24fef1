-- 0055_recon_tables.sql: what reconciliation and the payment office read in bites.
-- A day's differences, behind a key that never changes (services/recon_tables.h).
CREATE INDEX recon_item_table ON recon_item (day, source, side, number);
-- A day's payments with all that is held beside a statement: the table itself is not asked (payments/recon_ours.c).
DROP INDEX pay_payment_taken;
CREATE INDEX pay_payment_taken ON pay_payment (channel, taken_ms, id, reference, amount_fen);
