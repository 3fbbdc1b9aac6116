-- run_id, kind, method, parameters, code_version, saw_seq, ran_at, seq: runs of $project_id as of $as_of, newest first
SELECT run_id, kind, method, parameters, code_version, saw_seq, ran_at, seq FROM run
WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC
