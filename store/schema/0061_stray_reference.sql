-- 0061_stray_reference.sql: by which number its payment stands in that statement: two people may keep that money before the platform has answered, and it could go back by its order alone.

ALTER TABLE pay_stray ADD COLUMN reference VARCHAR(64) NOT NULL DEFAULT '';
CREATE INDEX pay_stray_reference ON pay_stray (channel, reference);
