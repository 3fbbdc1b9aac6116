-- kind, actor, n: how many events of each kind by each actor there are for $project_id ('' for every project) up to $as_of
SELECT kind, actor, count(*) AS n FROM event
WHERE ($project_id = '' OR project_id IN ($project_id, '')) AND seq <= $as_of GROUP BY kind, actor ORDER BY kind, actor
