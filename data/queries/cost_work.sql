-- Every piece of work of people in $project_id as of $as_of, in the order of the journal; what was taken back was done all the same.
-- Work is labelling, repeat (asked for again on purpose), relabel (blind), review (after the reveal), adjudication, passed on (skips
-- and questions), or release review (a signature, on no single item). Times of answers without a label, decisions and signatures are in
-- their events, where they were measured.
-- who_id, item_code (null: on no single item), label_code, work, at, day (UTC; that of the record where the day of the work is not known), active_seconds,
-- counts (an independent annotation that stands), seq
WITH done AS (
    SELECT annotation.seq AS seq, annotation."position" AS place, annotator.annotator_id AS who_id, item_code, label_code,
        CASE WHEN source = 'adjudication' THEN 'adjudication' WHEN source = 'relabel' AND supersedes IS NOT NULL THEN 'review'
            WHEN source = 'relabel' THEN 'relabel' WHEN assignment IN ('repeat', 'audit') THEN 'repeat'
            ELSE 'labelling' END AS "work",
        coalesce(labelled_at, recorded_at) AS "at", active_seconds,
        independent AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of) AS counts
    FROM annotation JOIN annotator ON annotator.annotator_code = annotation.annotator_code
    WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND source <> 'model'
    UNION ALL
    SELECT touch.seq, 0, touch.person_id, flag.item_code, NULL,
        CASE "action" WHEN 'blind' THEN 'relabel' WHEN 'answer' THEN 'review' ELSE 'passed on' END, touch.touched_at,
        TRY_CAST(event.payload ->> '$.active_seconds' AS DOUBLE), false
    FROM flag_touch AS touch JOIN event ON event.seq = touch.seq
    JOIN (SELECT DISTINCT flag_id, item_code FROM flag WHERE project_id = $project_id) AS flag ON flag.flag_id = touch.flag_id
    WHERE touch.project_id = $project_id AND touch.seq <= $as_of AND touch.annotation_id IS NULL
        AND "action" IN ('blind', 'answer', 'skip', 'question')
    UNION ALL
    SELECT decision.seq, 0, decided_by, item_code, label_code, 'adjudication', decided_at,
        TRY_CAST(event.payload ->> '$.active_seconds' AS DOUBLE), false
    FROM decision JOIN event ON event.seq = decision.seq
    WHERE decision.project_id = $project_id AND decision.seq <= $as_of
    UNION ALL
    SELECT signature.seq, 0, signature.person_id, NULL, NULL, 'release review', signed_at,
        TRY_CAST(event.payload ->> '$.active_seconds' AS DOUBLE), false
    FROM signature JOIN event ON event.seq = signature.seq
    WHERE event.project_id = $project_id AND signature.seq <= $as_of
)
SELECT who_id, item_code, label_code::BIGINT AS label_code, "work" AS "work", "at" AS "at", ("at" AT TIME ZONE 'UTC')::DATE AS "day",
    active_seconds, counts, seq FROM done ORDER BY seq, place, who_id, item_code
