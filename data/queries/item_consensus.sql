-- The newest consensus of the item $item_code of $project_id as of $as_of (no row where it was never scored).
-- run_id, method, ran_at, label_code, p_label, n_annotations, tied, posterior (by label code)
SELECT consensus.run_id AS run_id, run.method AS method, run.ran_at AS ran_at, consensus.label_code AS label_code,
    consensus.p_label AS p_label, consensus.n_annotations AS n_annotations, consensus.tied AS tied,
    consensus.posterior AS posterior
FROM consensus JOIN run ON run.run_id = consensus.run_id
WHERE consensus.project_id = $project_id AND consensus.item_code = $item_code AND consensus.seq <= $as_of
ORDER BY consensus.seq DESC LIMIT 1
