-- 0055_recon_tables.sql: a day's differences are read in bites behind a key that never changes (services/recon_tables.h).
CREATE INDEX recon_item_table ON recon_item (day, source, side, number);
