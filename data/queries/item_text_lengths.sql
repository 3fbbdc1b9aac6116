-- How long the texts of the items of $project_id are, as of $as_of (the newest row of each), in characters (null where there is no text).
-- item_id, item_code, n_characters
SELECT max_by(item_id, seq) AS item_id, item_code, length(arg_max_null(text, seq)) AS n_characters FROM item
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code ORDER BY item_code
