-- An alert names what it is of (`group_kind` and `group_id` as its measurement has them, '' for the project), its unit, which end of the
-- interval was beyond the limit (`side`: low, high, value) and `data_seq`, the newest event whose facts it rests on. Closing one has a
-- code out of a short list beside the words. Rows from before have nulls.
ALTER TABLE alert ADD COLUMN group_kind VARCHAR;
ALTER TABLE alert ADD COLUMN group_id VARCHAR;
ALTER TABLE alert ADD COLUMN unit VARCHAR;
ALTER TABLE alert ADD COLUMN side VARCHAR;
ALTER TABLE alert ADD COLUMN data_seq BIGINT;
ALTER TABLE alert_status ADD COLUMN code VARCHAR;
