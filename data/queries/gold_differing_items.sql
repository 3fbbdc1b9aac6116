-- The items of $project_id whose consensus in run $run_id is not their gold label (the newest as of $saw); the surest first.
-- item_id, gold, consensus, p_label (of the consensus), tied, n_annotations, today (the label as of $as_of)
WITH known AS (
    SELECT item_code, max_by(label_code, seq) AS label_code FROM gold
    WHERE project_id = $project_id AND seq <= $saw GROUP BY item_code
), named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, gold_label.label AS gold, given.label AS consensus, consensus.p_label AS p_label,
    consensus.tied AS tied, consensus.n_annotations AS n_annotations, today.label AS today
FROM consensus
JOIN known ON known.item_code = consensus.item_code AND known.label_code <> consensus.label_code
JOIN item ON item.project_id = $project_id AND item.item_code = consensus.item_code
JOIN named AS gold_label ON gold_label.label_code = known.label_code
JOIN named AS given ON given.label_code = consensus.label_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = consensus.item_code
LEFT JOIN named AS today ON today.label_code = newest.label_code
WHERE consensus.project_id = $project_id AND consensus.run_id = $run_id ORDER BY consensus.p_label DESC, item.item_id
