-- 0027_deadlines_kept.sql: what keeping limits needs besides the clocks.

-- A draft that was thrown away: its row stays, empty, because proposals name it. NULL: it was not.
ALTER TABLE guide_draft ADD COLUMN thrown_ms BIGINT;

-- Effects that are over, the oldest first: what purge_kept walks (auth/retention.def). Those that an operator must look at are not in it.
CREATE INDEX effect_over ON effect (changed_ms) WHERE state >= 3 AND state <> 5 AND state <> 6;
