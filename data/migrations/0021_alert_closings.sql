-- Up to which event the person who closed an alert had seen what came in (null: up to the closing itself), and which annotators an alert
-- names (JSON list of ids; null where it names none).
ALTER TABLE alert_status ADD COLUMN saw_seq BIGINT;
ALTER TABLE alert ADD COLUMN annotators VARCHAR;
