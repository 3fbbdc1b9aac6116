-- The items of $project_id that were ever flagged, as of $as_of, with the reasons of all their flags.
-- item_code, reasons (JSON lists joined by line feeds)
SELECT item_code, string_agg(reasons, chr(10)) AS reasons FROM flag
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code ORDER BY item_code
