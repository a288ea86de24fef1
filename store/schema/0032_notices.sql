-- 0032_notices.sql: what is to be paid (缴款通知书): brought by departments, or found at the finance system when somebody orders. payments/notice.h.
CREATE TABLE pay_notice (
	id BIGINT PRIMARY KEY,
	payment_code VARCHAR(40) NOT NULL UNIQUE,
	check_code VARCHAR(4) NOT NULL,    -- 校验码, apart from the code; '' none
	department BIGINT REFERENCES department (id), -- NULL: the finance system told us
	notice_no VARCHAR(64),             -- the department's own
	digest BYTEA NOT NULL,             -- keyed, of all but what may change: tells a repeat from another notice
	kind BIGINT NOT NULL CHECK (kind IN (1, 2)),  -- 1 ordinary, 2 penalty (处罚)
	division BIGINT NOT NULL,
	unit VARCHAR(30) NOT NULL,         -- 执收单位编码
	unit_name VARCHAR(100) NOT NULL,
	person BIGINT REFERENCES person (id),         -- whose, where the notice says a number
	payer_kind BIGINT NOT NULL,        -- enum identity_kind; 0 nobody said
	payer BYTEA NOT NULL,              -- sealed "pay_notice.payer": the name
	amount_fen BIGINT NOT NULL CHECK (amount_fen >= 0),        -- of the items
	late_fen BIGINT NOT NULL CHECK (late_fen >= 0),
	late_on BIGINT,                    -- the day late money was counted to: the quote ends with it
	total_fen BIGINT NOT NULL,
	last_on BIGINT,                    -- the last day it may be paid; NULL none
	state BIGINT NOT NULL,             -- payments/notice_states.def
	replaced_by BIGINT REFERENCES pay_notice (id),
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	UNIQUE (department, notice_no),
	CHECK (total_fen = amount_fen + late_fen),
	CHECK (late_fen = 0 OR late_on IS NOT NULL)
);
CREATE INDEX pay_notice_person ON pay_notice (person, id) WHERE person IS NOT NULL;

-- clustered
CREATE TABLE pay_notice_item (
	notice BIGINT NOT NULL REFERENCES pay_notice (id),
	n BIGINT NOT NULL,
	item VARCHAR(30) NOT NULL,         -- 收入项目编码
	name VARCHAR(100) NOT NULL,
	amount_fen BIGINT NOT NULL CHECK (amount_fen >= 0),
	PRIMARY KEY (notice, n)
);
