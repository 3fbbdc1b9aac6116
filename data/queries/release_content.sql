-- What a release of $project_id would hold now: every item that has a label, in the order of the item ids.
-- item_code, item_id, version, label_code, label_json
WITH named AS (SELECT item_code, max_by(item_id, seq) AS item_id FROM item WHERE project_id = $project_id GROUP BY item_code)
SELECT today.item_code AS item_code, named.item_id AS item_id, today."version" AS "version", today.label_code AS label_code,
    today.label_json AS label_json
FROM current_label AS today JOIN named ON named.item_code = today.item_code
WHERE today.project_id = $project_id ORDER BY named.item_id
