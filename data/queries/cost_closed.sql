-- The items of $project_id on which a flag was closed as of $as_of, and how many; one that was opened again counts all the same.
-- item_code, n_closed
WITH known AS (SELECT DISTINCT flag_id, item_code FROM flag WHERE project_id = $project_id AND seq <= $as_of)
SELECT known.item_code AS item_code, count(DISTINCT known.flag_id)::BIGINT AS n_closed
FROM known JOIN flag_status ON flag_status.flag_id = known.flag_id
WHERE flag_status.seq <= $as_of AND flag_status."status" = 'closed' GROUP BY known.item_code ORDER BY known.item_code
