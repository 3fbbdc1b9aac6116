-- name: the attributes that the items of $project_id have, from its first 5,000 items
SELECT DISTINCT unnest(json_keys(attributes)) AS name FROM (
    SELECT attributes FROM item WHERE project_id = $project_id AND attributes IS NOT NULL ORDER BY item_code LIMIT 5000
) ORDER BY name
