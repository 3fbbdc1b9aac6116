-- The newest run that gave the item $item_code of $project_id a consensus, as of $as_of (no row where there is none).
-- run_id, method, parameters (JSON), saw_seq, label_code
SELECT run.run_id AS run_id, run.method AS method, run.parameters AS parameters, run.saw_seq AS saw_seq,
    consensus.label_code::BIGINT AS label_code
FROM consensus JOIN run ON run.run_id = consensus.run_id
WHERE consensus.project_id = $project_id AND consensus.item_code = $item_code AND consensus.seq <= $as_of
ORDER BY consensus.seq DESC LIMIT 1
