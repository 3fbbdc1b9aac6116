-- The flag $flag_id of $project_id; no row where there is none.
-- flag_id, item_code, score, reasons, passport, raised_at, status, raised_seq
SELECT flag_id, item_code, score, reasons, passport, raised_at, "status" AS "status", seq AS raised_seq FROM flag
WHERE flag_id = $flag_id AND project_id = $project_id
