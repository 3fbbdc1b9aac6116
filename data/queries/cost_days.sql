-- What was done in $project_id on each day (UTC) that has something as of $as_of: flags that were closed, annotations that count.
-- day, n_closed, n_votes
WITH closed AS (
    SELECT (changed_at AT TIME ZONE 'UTC')::DATE AS "day", count(DISTINCT flag_id) AS n FROM flag_status
    WHERE project_id = $project_id AND seq <= $as_of AND "status" = 'closed' GROUP BY ALL
),
voted AS (
    SELECT (coalesce(labelled_at, recorded_at) AT TIME ZONE 'UTC')::DATE AS "day", count(*) AS n FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY ALL
)
SELECT coalesce(closed."day", voted."day") AS "day", coalesce(closed.n, 0)::BIGINT AS n_closed, coalesce(voted.n, 0)::BIGINT AS n_votes
FROM closed FULL JOIN voted ON voted."day" = closed."day" ORDER BY 1
