-- The consensus of run $run_id, a row an item, in the order of the item ids.
-- item_code, item_id, label_code, p_label, n_annotations, tied, posterior
SELECT consensus.item_code AS item_code, item.item_id AS item_id, consensus.label_code::BIGINT AS label_code,
    consensus.p_label AS p_label, consensus.n_annotations AS n_annotations, consensus.tied AS tied, consensus.posterior AS posterior
FROM consensus JOIN item ON item.project_id = consensus.project_id AND item.item_code = consensus.item_code
WHERE consensus.run_id = $run_id AND consensus.project_id = $project_id ORDER BY item.item_id
