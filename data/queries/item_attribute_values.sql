-- attribute_value, n: the values of the attribute $attribute (a JSON pointer) of the items of $project_id, most frequent first
SELECT json_extract_string(attributes, $attribute) AS attribute_value, count(*) AS n FROM item
WHERE project_id = $project_id AND seq <= $as_of AND json_extract_string(attributes, $attribute) IS NOT NULL
GROUP BY attribute_value ORDER BY n DESC, attribute_value LIMIT 200
