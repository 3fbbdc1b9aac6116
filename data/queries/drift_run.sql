-- The measurement of drift $run_id of $project_id as of $as_of, or the newest where that is ''.
-- seq, run_id, state, sentence, document (JSON), measured_by, measured_at, report_sha256 and report_tool (of the report kept with it, or null)
WITH report AS (
    SELECT run_id, max_by(html_sha256, seq) AS html_sha256, max_by(tool, seq) AS tool
    FROM drift_report WHERE project_id = $project_id AND seq <= $as_of GROUP BY run_id
)
SELECT seq, drift_run.run_id AS run_id, "state" AS "state", sentence, document, measured_by, measured_at,
    report.html_sha256 AS report_sha256, report.tool AS report_tool
FROM drift_run LEFT JOIN report ON report.run_id = drift_run.run_id
WHERE project_id = $project_id AND seq <= $as_of AND ($run_id = '' OR drift_run.run_id = $run_id) ORDER BY seq DESC LIMIT 1
