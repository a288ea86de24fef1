-- 0056_people.sql: what people are told after their case, and departments of tickets.

-- The morning's list of what ends by the next working day (services/alert.h).
CREATE INDEX voice_clock_due ON voice_clock (due) WHERE phase = 1;
