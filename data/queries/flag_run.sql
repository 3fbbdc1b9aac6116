-- The newest run of $project_id that made a consensus, be it of the items that changed alone (`score_consensus` then has the
-- others from the full run that it stands on); no row where there is none.
-- run_id, method, parameters, saw_seq, seq
SELECT run.run_id AS run_id, run.method AS method, run.parameters AS parameters, run.saw_seq AS saw_seq, run.seq AS seq
FROM run SEMI JOIN consensus ON consensus.run_id = run.run_id AND consensus.project_id = run.project_id
WHERE run.project_id = $project_id ORDER BY run.seq DESC LIMIT 1
