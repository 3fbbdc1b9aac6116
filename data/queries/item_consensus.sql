-- The newest consensus of the item $item_code of $project_id as of $as_of (no row where it was never scored, or lost all its
-- annotations since).
-- run_id, method, ran_at, label_code, p_label, n_annotations, tied, posterior (by label code)
WITH newest AS (
    SELECT * FROM consensus WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of
    ORDER BY seq DESC LIMIT 1
)
SELECT newest.run_id AS run_id, run.method AS method, run.ran_at AS ran_at, newest.label_code AS label_code,
    newest.p_label AS p_label, newest.n_annotations AS n_annotations, newest.tied AS tied, newest.posterior AS posterior
FROM newest JOIN run ON run.run_id = newest.run_id WHERE newest.label_code IS NOT NULL
