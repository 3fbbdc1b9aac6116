-- What the run $run_id of $project_id says of each item, in the order of the item codes; $item_code: of that item alone (-1: of all).
-- item_id and the columns of the table judgement
SELECT item.item_id AS item_id, judgement.* EXCLUDE (seq, project_id, run_id) FROM judgement
JOIN item ON item.project_id = judgement.project_id AND item.item_code = judgement.item_code
WHERE judgement.project_id = $project_id AND judgement.run_id = $run_id AND ($item_code = -1 OR judgement.item_code = $item_code)
ORDER BY judgement.item_code
