-- item_code, attribute_value: the attribute $attribute (a JSON pointer) of those of the items $item_codes of $project_id that
-- have it, as of $as_of
SELECT item_code, json_extract_string(attributes, $attribute) AS attribute_value FROM item
WHERE project_id = $project_id AND seq <= $as_of AND item_code IN (SELECT unnest($item_codes::BIGINT[]))
    AND json_extract_string(attributes, $attribute) IS NOT NULL
