-- What was measured of drift, as one document a run; the report that belongs to a run; alerts, what became of them, and
-- what was sent where. `document` and `html` are whole: what was on the screen is what is kept.
CREATE TABLE drift_run (
    seq BIGINT, project_id VARCHAR, run_id VARCHAR, state VARCHAR, sentence VARCHAR, document VARCHAR, measured_by VARCHAR,
    measured_at TIMESTAMPTZ
);
CREATE TABLE drift_report (
    seq BIGINT, project_id VARCHAR, run_id VARCHAR, tool VARCHAR, html VARCHAR, html_sha256 VARCHAR, made_at TIMESTAMPTZ
);
CREATE TABLE alert (
    seq BIGINT, project_id VARCHAR, alert_id VARCHAR, run_id VARCHAR, "key" VARCHAR, "value" DOUBLE, low DOUBLE, high DOUBLE,
    n BIGINT, limit_value DOUBLE, sentence VARCHAR, opened_at TIMESTAMPTZ
);
CREATE TABLE alert_status (
    seq BIGINT, project_id VARCHAR, alert_id VARCHAR, "status" VARCHAR, "owner" VARCHAR, reason VARCHAR, actor VARCHAR,
    changed_at TIMESTAMPTZ
);
CREATE TABLE alert_delivery (
    seq BIGINT, project_id VARCHAR, alert_id VARCHAR, attempt INTEGER, delivered BOOLEAN, host VARCHAR, answer VARCHAR,
    tried_at TIMESTAMPTZ
);
