-- seq: the event of $project_id that made its newest label version, as of $as_of (null where there is none)
SELECT max(seq) AS seq FROM label_version WHERE project_id = $project_id AND seq <= $as_of
