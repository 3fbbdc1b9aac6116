-- The imports of $project_id as of $as_of, oldest first: seq, name
SELECT seq, name FROM "import" WHERE project_id = $project_id AND seq <= $as_of AND imported > 0 ORDER BY seq
