-- project_id, title, description, seq: every project, oldest first (the newest title wins)
SELECT project_id, max_by(title, seq) AS title, max_by(description, seq) AS description, min(seq) AS seq
FROM project WHERE seq <= $as_of GROUP BY project_id ORDER BY min(seq)
