-- 0025_joint.sql: one application, handled by several departments (联合办理): the parts a guide names, and those of a case. Rules: services/joint.h.

-- Picked out of a guide's body; like it, never changed.
-- clustered
CREATE TABLE guide_part (
	guide BIGINT NOT NULL REFERENCES guide (id),
	n BIGINT NOT NULL CHECK (n BETWEEN 1 AND 16),
	code VARCHAR(32) NOT NULL,
	name VARCHAR(60) NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	days BIGINT NOT NULL CHECK (days >= 1),                    -- working days
	needs BIGINT NOT NULL,             -- bit n: part n must be decided before this one begins
	PRIMARY KEY (guide, n)
);

-- 0: a case of one department. Above: the whole of a joint case, and how many parts it has. Below: part -parts of another case, whose number it bears.
ALTER TABLE cases ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;

-- clustered
CREATE TABLE case_part (
	whole BIGINT NOT NULL REFERENCES cases (id),
	n BIGINT NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	part BIGINT UNIQUE REFERENCES cases (id),                  -- its own row among the cases; NULL: its department has not begun
	PRIMARY KEY (whole, n)
);
CREATE INDEX case_part_awaited ON case_part (department, whole, n) WHERE part IS NULL;
