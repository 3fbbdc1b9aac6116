-- Every annotation of the item $item_code of $project_id that was not retracted as of $as_of, oldest first.
-- annotation_id, annotator_id, label_code, label_json, source, independent, rationale, supersedes, at (when it was made, as
-- far as is known)
SELECT annotation.annotation_id AS annotation_id, annotator.annotator_id AS annotator_id,
    annotation.label_code AS label_code, annotation.label_json AS label_json, annotation.source AS source,
    annotation.independent AS independent, annotation.rationale AS rationale, annotation.supersedes AS supersedes,
    coalesce(annotation.labelled_at, annotation.recorded_at) AS "at"
FROM annotation LEFT JOIN annotator ON annotator.annotator_code = annotation.annotator_code
WHERE annotation.item_code = $item_code AND annotation.project_id = $project_id AND annotation.seq <= $as_of
    AND annotation.annotation_id NOT IN (
        SELECT annotation_id FROM retraction WHERE annotation_id IS NOT NULL AND seq <= $as_of
    )
ORDER BY annotation.seq, annotation."position"
