-- How far $person_id and the whole queue of $project_id are.
-- n_done_today (flags that the person answered or asked about since $today), n_done, n_left (flags that the person could be
-- handed: open or waiting for a second person, not done by them, not held by somebody else since $alive_since, none that others are
-- asked for first at $now (of the actions $runs those with a 0 in $bits) and, where one more vote is asked for, not labelled by annotator
-- $annotator_code before), n_open, n_second, n_adjudicate, n_closed
WITH mine AS (
    SELECT flag_id, max_by("action", seq) AS "action", max(touched_at) AS touched_at FROM flag_touch
    WHERE person_id = $person_id AND project_id = $project_id GROUP BY flag_id
),
held AS (
    SELECT flag_id, max_by(person_id, seq) AS person_id, max_by("action", seq) AS "action",
        max_by(claimed_at, seq) AS claimed_at
    FROM claim WHERE project_id = $project_id GROUP BY flag_id
),
seen AS (
    SELECT DISTINCT routing.run_id AS run_id, routing.item_code AS item_code
    FROM routing JOIN annotation ON annotation.item_code = routing.item_code AND annotation.project_id = routing.project_id
    WHERE routing.project_id = $project_id AND annotation.annotator_code = $annotator_code
),
others AS (
    SELECT routing.run_id AS run_id, routing.item_code AS item_code
    FROM routing JOIN (
        SELECT unnest(CAST($runs AS VARCHAR[])) AS run_id, CAST(unnest(CAST($bits AS BLOB[])) AS BIT) AS bits
    ) AS asked ON asked.run_id = routing.run_id
    WHERE routing.project_id = $project_id AND routing.opens_at > $now
        AND CASE WHEN routing.place < bit_length(asked.bits) THEN get_bit(asked.bits, routing.place) = 0 ELSE true END
)
SELECT count(*) FILTER (mine."action" IN ('answer', 'question') AND mine.touched_at >= $today) AS n_done_today,
    count(*) FILTER (mine."action" IN ('answer', 'question')) AS n_done,
    count(*) FILTER (flag."status" IN ('open', 'second')
        AND coalesce(mine."action" NOT IN ('answer', 'skip', 'question'), true)
        AND (held.person_id IS NULL OR held."action" = 'release' OR held.person_id = $person_id
            OR held.claimed_at <= $alive_since)
        AND others.item_code IS NULL
        AND (seen.item_code IS NULL OR mine."action" IS NOT NULL)) AS n_left,
    count(*) FILTER (flag."status" = 'open') AS n_open,
    count(*) FILTER (flag."status" = 'second') AS n_second,
    count(*) FILTER (flag."status" = 'adjudicate') AS n_adjudicate,
    count(*) FILTER (flag."status" = 'closed') AS n_closed
FROM flag LEFT JOIN held ON held.flag_id = flag.flag_id LEFT JOIN mine ON mine.flag_id = flag.flag_id
    LEFT JOIN seen ON seen.run_id = flag.run_id AND seen.item_code = flag.item_code
    LEFT JOIN others ON others.run_id = flag.run_id AND others.item_code = flag.item_code
WHERE flag.project_id = $project_id
