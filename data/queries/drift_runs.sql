-- The measurements of drift of $project_id as of $as_of, newest first.
-- seq, run_id, state, sentence, document (JSON), measured_by, measured_at, report_sha256 (of the report kept with it, or null)
SELECT seq, run_id, "state" AS "state", sentence, document, measured_by, measured_at,
    (SELECT max_by(html_sha256, drift_report.seq) FROM drift_report
     WHERE drift_report.run_id = drift_run.run_id AND drift_report.seq <= $as_of) AS report_sha256
FROM drift_run WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC LIMIT 50
