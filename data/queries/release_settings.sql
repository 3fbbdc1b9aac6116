-- key, value (JSON), set_by, set_at: the settings of $project_id that somebody changed, as they were at $as_of
SELECT "key" AS "key", max_by("value", seq) AS "value", max_by(set_by, seq) AS set_by, max_by(set_at, seq) AS set_at
FROM setting WHERE project_id = $project_id AND seq <= $as_of GROUP BY "key" ORDER BY "key"
