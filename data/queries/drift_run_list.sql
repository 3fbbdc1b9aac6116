-- The measurements of drift of $project_id as of $as_of, newest first, without their documents.
-- run_id, state, sentence, measured_by, measured_at
SELECT run_id, "state" AS "state", sentence, measured_by, measured_at
FROM drift_run WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC LIMIT 50
