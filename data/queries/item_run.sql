-- The newest run that gave the item $item_code of $project_id a consensus, as of $as_of (no row where there is none, or where the
-- item lost all its annotations since).
-- run_id, method, parameters (JSON), saw_seq, label_code
WITH newest AS (
    SELECT run_id, label_code FROM consensus WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of
    ORDER BY seq DESC LIMIT 1
)
SELECT run.run_id AS run_id, run.method AS method, run.parameters AS parameters, run.saw_seq AS saw_seq,
    newest.label_code::BIGINT AS label_code
FROM newest JOIN run ON run.run_id = newest.run_id WHERE newest.label_code IS NOT NULL
