-- 0012_confirmed.sql: who last confirmed a person's name and number, and when (the numbers are auth/confirmations.def's); and sessions raised at a window.

ALTER TABLE person ADD COLUMN confirmed_by BIGINT NOT NULL DEFAULT 0;  -- 0: nobody, so far
ALTER TABLE person ADD COLUMN confirmed_ms BIGINT NOT NULL DEFAULT 0;

ALTER TABLE session ADD COLUMN level4_until_ms BIGINT NOT NULL DEFAULT 0;  -- until then he counts as seen at a window
