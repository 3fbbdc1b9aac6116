-- item_code, attribute_value: the attribute $attribute (a JSON pointer) of each item of $project_id that has it, as of $as_of
SELECT item_code, json_extract_string(attributes, $attribute) AS attribute_value FROM item
WHERE project_id = $project_id AND seq <= $as_of AND json_extract_string(attributes, $attribute) IS NOT NULL
