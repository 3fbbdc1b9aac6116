-- n: how many items of $project_id had a label as of $as_of
SELECT count(DISTINCT item_code) AS n FROM label_version WHERE project_id = $project_id AND seq <= $as_of
