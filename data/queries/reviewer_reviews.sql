-- Every label of an annotator that a person's decision in $project_id accepted or not, as of $as_of: a row for each decision and
-- each annotator who had labelled the item before it. A decision is an answer after the reveal that names a label and
-- that nobody undid (stage 0 for the first of a flag, else 1) or an adjudication (stage 2). An annotator's label is the last that
-- they gave before it and had not taken back by then; what a person said in answering the same flag is no label that they review.
-- seq, reviewer_id, stage_code, item_code, item_id, flag_id, decided_code, at, note, annotator_id, label_code, source
WITH touched AS (
    SELECT * FROM flag_touch
    WHERE project_id = $project_id AND seq <= $as_of AND seq NOT IN (
        SELECT TRY_CAST(note AS BIGINT) FROM flag_touch
        WHERE project_id = $project_id AND seq <= $as_of AND "action" = 'undo' AND note IS NOT NULL
    )
),
answered AS (
    SELECT *, min(seq) OVER (PARTITION BY flag_id) AS first_seq FROM touched
    WHERE "action" = 'answer' AND label_code IS NOT NULL
),
flagged AS (SELECT DISTINCT flag_id, item_code FROM flag WHERE project_id = $project_id),
review AS (
    SELECT answered.seq AS seq, answered.person_id AS reviewer_id, if(answered.seq = answered.first_seq, 0, 1) AS stage_code,
        flagged.item_code AS item_code, answered.flag_id AS flag_id, answered.label_code AS decided_code,
        answered.touched_at AS "at", answered.note AS note
    FROM answered JOIN flagged ON flagged.flag_id = answered.flag_id
    UNION ALL
    SELECT seq, decided_by, 2, item_code, flag_id, label_code, decided_at, reason FROM decision
    WHERE project_id = $project_id AND seq <= $as_of AND label_code IS NOT NULL
),
given AS (
    SELECT annotation.* FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND label_code IS NOT NULL
        AND item_code IN (SELECT item_code FROM review)
),
judged AS (
    SELECT review.*, annotator.annotator_id AS annotator_id, given.label_code AS label_code, given.source AS source,
        row_number() OVER (
            PARTITION BY review.seq, review.item_code, given.annotator_code ORDER BY given.seq DESC, given."position" DESC
        ) AS newest
    FROM review JOIN given ON given.item_code = review.item_code AND given.seq < review.seq
    JOIN annotator ON annotator.annotator_code = given.annotator_code
    LEFT JOIN retraction ON retraction.annotation_id = given.annotation_id AND retraction.seq < review.seq
    WHERE retraction.annotation_id IS NULL
        AND NOT (review.stage_code < 2 AND annotator.annotator_id = review.reviewer_id AND given.annotation_id IN (
            SELECT annotation_id FROM touched
            WHERE touched.flag_id = review.flag_id AND touched.annotation_id IS NOT NULL
        ))
),
named AS (
    SELECT item_code, max_by(item_id, seq) AS item_id FROM item
    WHERE project_id = $project_id AND item_code IN (SELECT item_code FROM review) GROUP BY item_code
)
SELECT judged.seq AS seq, judged.reviewer_id AS reviewer_id, judged.stage_code::BIGINT AS stage_code,
    judged.item_code AS item_code, named.item_id AS item_id, judged.flag_id AS flag_id,
    judged.decided_code::BIGINT AS decided_code, judged."at" AS "at", judged.note AS note, judged.annotator_id AS annotator_id,
    judged.label_code::BIGINT AS label_code, judged.source AS source
FROM judged JOIN named ON named.item_code = judged.item_code
WHERE judged.newest = 1 ORDER BY judged.seq DESC, named.item_id, judged.annotator_id
