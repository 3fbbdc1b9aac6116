-- The flag of $project_id that $person_id (annotator $annotator_code, -1 for none) should work on next; no row where there
-- is none. First what the person holds, then what they began; else the best that nobody has held since $alive_since:
-- items that they have not labelled before, then by score. Never what they answered, skipped or asked about: there the
-- newest thing that they did is just that (after an undo it is the undo). Nor what others are asked for first, at
-- $now: of the actions $runs, the items of which the person's bit in $bits (from the vault) is 0 or missing; nor, where one more
-- vote is asked for, an item that they labelled before they were given it here.
-- flag_id, item_code, is_mine (the person's claim stands), held_at
WITH mine AS (
    SELECT flag_id, max_by("action", seq) AS "action" FROM flag_touch
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
SELECT flag.flag_id AS flag_id, flag.item_code AS item_code, held.claimed_at AS held_at,
    coalesce(held.person_id = $person_id AND held."action" <> 'release', false) AS is_mine
FROM flag LEFT JOIN held ON held.flag_id = flag.flag_id LEFT JOIN mine ON mine.flag_id = flag.flag_id
    LEFT JOIN seen ON seen.run_id = flag.run_id AND seen.item_code = flag.item_code
    LEFT JOIN others ON others.run_id = flag.run_id AND others.item_code = flag.item_code
WHERE flag.project_id = $project_id AND flag."status" IN ('open', 'second')
    AND coalesce(mine."action" NOT IN ('answer', 'skip', 'question'), true)
    AND (held.person_id IS NULL OR held."action" = 'release' OR held.person_id = $person_id
        OR held.claimed_at <= $alive_since)
    AND others.item_code IS NULL
    AND (seen.item_code IS NULL OR mine."action" IS NOT NULL)
ORDER BY is_mine DESC, coalesce(mine."action" = 'blind', false) DESC,
    flag.item_code IN (
        SELECT item_code FROM annotation WHERE annotator_code = $annotator_code AND project_id = $project_id
    ),
    flag.score DESC, flag.flag_id
LIMIT 1
