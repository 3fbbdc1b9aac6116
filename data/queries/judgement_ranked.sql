-- The first $most of the items of the run $run_id of $project_id, of $quadrant alone where it is not ''. $which: 'suspects' are those
-- whose label looks wrong (by $least_together, $least_p_wrong), the most doubtful first; 'doubt' all in that order; 'unsure' all, those
-- that the model is least sure of first.
-- item_id, copy_id, flag_id (of the item's newest flag, else null), flag_status, and the columns of the table judgement
WITH chosen AS (
    SELECT * EXCLUDE (seq, project_id, run_id), CASE WHEN $which = 'unsure' THEN predictive_entropy
        ELSE coalesce(p_wrong, 1 - coalesce(choice_quality, crowd_quality, p_label)) END AS "rank"
    FROM judgement
    WHERE project_id = $project_id AND run_id = $run_id AND $quadrant IN ('', quadrant) AND ($which <> 'suspects' OR looks_wrong(
        is_judged, is_suspect, coalesce(choice_quality, crowd_quality, p_label), p_wrong, $least_together, $least_p_wrong
    ))
    ORDER BY "rank" DESC NULLS LAST, item_code LIMIT $most
),
named AS (
    SELECT item_code, any_value(item_id) AS item_id FROM item
    WHERE project_id = $project_id
        AND (item_code IN (SELECT item_code FROM chosen) OR item_code IN (SELECT copy_of FROM chosen WHERE copy_of IS NOT NULL))
    GROUP BY item_code
),
flagged AS (
    SELECT item_code, max_by(flag_id, seq) AS flag_id, max_by("status", seq) AS flag_status FROM flag
    WHERE project_id = $project_id AND item_code IN (SELECT item_code FROM chosen) GROUP BY item_code
)
SELECT named.item_id AS item_id, copied.item_id AS copy_id, flagged.flag_id AS flag_id, flagged.flag_status AS flag_status,
    chosen.* EXCLUDE ("rank")
FROM chosen JOIN named ON named.item_code = chosen.item_code LEFT JOIN named AS copied ON copied.item_code = chosen.copy_of
LEFT JOIN flagged ON flagged.item_code = chosen.item_code
ORDER BY chosen."rank" DESC NULLS LAST, chosen.item_code
