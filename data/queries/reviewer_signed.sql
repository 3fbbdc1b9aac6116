-- The labels in releases of $project_id that their signer had given or decided, as of $as_of: for each approving signature and
-- each item whose released label is the last one that the signer gave it before the release and had not taken back, or a version
-- that they decided (whoever undoes an answer puts a consensus back and decides nothing).
-- seq, release_version, reviewer_id, at, item_code, item_id, label_code, n_items (of the release), as_what (annotated, decided)
WITH signed AS (
    SELECT signature.seq AS seq, signature.person_id AS person_id, signature.signed_at AS signed_at,
        release.release_id AS release_id, release."version" AS release_version, release.saw_seq AS saw_seq,
        release.n_items AS n_items
    FROM signature JOIN release ON release.release_id = signature.release_id
    WHERE release.project_id = $project_id AND signature.decision = 'approve' AND signature.seq <= $as_of
),
given AS (
    SELECT signed.seq AS signed_seq, annotation.item_code AS item_code,
        max_by(annotation.label_code, annotation.seq * 4294967296 + annotation."position") AS label_code
    FROM signed JOIN annotator ON annotator.annotator_id = signed.person_id
    JOIN annotation ON annotation.annotator_code = annotator.annotator_code
        AND annotation.project_id = $project_id AND annotation.seq <= signed.saw_seq
    LEFT JOIN retraction ON retraction.annotation_id = annotation.annotation_id AND retraction.seq <= signed.saw_seq
    WHERE annotation.label_code IS NOT NULL AND retraction.annotation_id IS NULL
    GROUP BY signed.seq, annotation.item_code
),
decided AS (
    SELECT item_code, "version" AS label_version, decided_by FROM label_version
    WHERE project_id = $project_id AND decided_by IS NOT NULL AND source IN ('relabel', 'adjudication') AND seq <= $as_of
)
SELECT signed.seq AS seq, signed.release_version AS release_version, signed.person_id AS reviewer_id, signed.signed_at AS "at",
    release_item.item_code AS item_code, release_item.item_id AS item_id, release_item.label_code::BIGINT AS label_code,
    signed.n_items AS n_items, if(decided.item_code IS NULL, 'annotated', 'decided') AS as_what
FROM signed JOIN release_item ON release_item.release_id = signed.release_id
LEFT JOIN given ON given.signed_seq = signed.seq AND given.item_code = release_item.item_code
    AND given.label_code = release_item.label_code
LEFT JOIN decided ON decided.item_code = release_item.item_code AND decided.label_version = release_item."version"
    AND decided.decided_by = signed.person_id
WHERE given.item_code IS NOT NULL OR decided.item_code IS NOT NULL
ORDER BY signed.seq DESC, release_item.item_id
