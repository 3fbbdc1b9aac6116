-- Today's label of the item $item_code of $project_id; no row where it has none.
-- version, label_code, label_json, p_label, label_source, label_seq
SELECT "version" AS "version", label_code, label_json, p_label, source AS label_source, seq AS label_seq FROM current_label
WHERE item_code = $item_code AND project_id = $project_id
