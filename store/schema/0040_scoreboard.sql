-- 0040_scoreboard.sql: a page of the scoreboard is some departments, read by these (services/scoreboard.h).
CREATE INDEX clock_event_department ON clock_event (department, day);
CREATE INDEX case_tally_department ON case_tally (department, day);
CREATE INDEX rating_department_day ON rating (department, day);
CREATE INDEX voice_event_department ON voice_event (department, day);
