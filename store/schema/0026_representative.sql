-- 0026_representative.sql: who represents a company (auth/mandate_kinds.def, kind 5): one at a time, which the database holds too.

CREATE UNIQUE INDEX mandate_one_representative ON mandate (giver) WHERE state = 2 AND kind = 5;
