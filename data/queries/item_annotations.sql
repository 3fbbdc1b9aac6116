-- Every annotation of the item $item_code of $project_id as of $as_of, oldest first, those taken back too.
-- seq, annotation_id, annotator_id, label_code, labelled_at, recorded_at, active_seconds, source, independent, asserted,
-- assignment, guideline_version, rationale, supersedes, retracted_seq (the event that took it back, else null)
SELECT annotation.seq AS seq, annotation.annotation_id AS annotation_id, annotator.annotator_id AS annotator_id,
    annotation.label_code AS label_code, annotation.labelled_at AS labelled_at, annotation.recorded_at AS recorded_at,
    annotation.active_seconds AS active_seconds, annotation.source AS source, annotation.independent AS independent,
    annotation.asserted AS asserted, annotation.assignment AS assignment,
    annotation.guideline_version AS guideline_version, annotation.rationale AS rationale,
    annotation.supersedes AS supersedes, (
        SELECT min(retraction.seq) FROM retraction
        WHERE retraction.annotation_id = annotation.annotation_id AND retraction.seq <= $as_of
    ) AS retracted_seq
FROM annotation LEFT JOIN annotator ON annotator.annotator_code = annotation.annotator_code
WHERE annotation.project_id = $project_id AND annotation.item_code = $item_code AND annotation.seq <= $as_of
ORDER BY annotation.seq, annotation."position"
