-- 0056_people.sql: what people are told after their case, and departments of tickets.

-- The morning's list of what ends by the next working day (services/alert.h).
CREATE INDEX voice_clock_due ON voice_clock (due) WHERE phase = 1;

-- Who is asked once how he was served, and when (services/rating_invitation.h).
-- clustered
CREATE TABLE rating_invitation (
	case_id BIGINT PRIMARY KEY REFERENCES cases (id),
	due_ms BIGINT                      -- NULL: settled, whether he was told or had rated before
);
CREATE INDEX rating_invitation_due ON rating_invitation (due_ms) WHERE due_ms IS NOT NULL;
