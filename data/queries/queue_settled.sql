-- How often $person_id settled the item $item_code of $project_id. n
SELECT count(*) AS n FROM decision
WHERE item_code = $item_code AND decided_by = $person_id AND project_id = $project_id
