-- 0022_case_numbers.sql: what a case is called elsewhere: by the province (省级办件编号), and by the investment project it belongs to (项目代码), which many cases share.
ALTER TABLE cases ADD COLUMN provincial_no VARCHAR(64);
ALTER TABLE cases ADD COLUMN project_code VARCHAR(64);
CREATE INDEX cases_project ON cases (project_code, id) WHERE project_code IS NOT NULL;
-- What an event says of them must wait with it.
ALTER TABLE held_event ADD COLUMN provincial_no VARCHAR(64);
ALTER TABLE held_event ADD COLUMN project_code VARCHAR(64);
