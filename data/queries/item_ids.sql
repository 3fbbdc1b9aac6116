-- item_code, item_id, label_code (its label now, else null): the items $item_codes of $project_id
SELECT item.item_code AS item_code, any_value(item.item_id) AS item_id, any_value(current_label.label_code)::BIGINT AS label_code
FROM item LEFT JOIN current_label ON current_label.project_id = item.project_id AND current_label.item_code = item.item_code
WHERE item.project_id = $project_id AND item.item_code IN (SELECT unnest($item_codes::BIGINT[])) GROUP BY item.item_code
ORDER BY item.item_code
