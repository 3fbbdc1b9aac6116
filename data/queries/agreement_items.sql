-- Every item of $project_id with two independent annotations or more, as of $as_of: how far they agree, and its label.
-- item_id, n_annotations, n_labels, agreement_share (agreeing pairs of annotations, of all pairs), today; least agreed first
-- Of one batch only: $batch, the seq of its import (else -1). Of one window: the item's last annotation with a known time
-- lies in [$since, $until) (else null). Of one attribute: $attribute, a JSON pointer (else ''), is $attribute_value.
WITH counted AS (
    SELECT item_code, label_code, count(*) AS n, max(labelled_at) AS last_at FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
        AND ($batch = -1 OR seq = $batch) AND ($since::TIMESTAMPTZ IS NULL OR labelled_at IS NOT NULL)
    GROUP BY item_code, label_code
), summed AS (
    SELECT item_code, sum(n)::BIGINT AS n_annotations, count(*) AS n_labels, sum(n * (n - 1))::DOUBLE AS agreeing,
        max(last_at) AS last_at
    FROM counted GROUP BY item_code HAVING sum(n) >= 2
), named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, summed.n_annotations AS n_annotations, summed.n_labels AS n_labels,
    summed.agreeing / (summed.n_annotations * (summed.n_annotations - 1)) AS agreement_share, named.label AS today
FROM summed
JOIN item ON item.project_id = $project_id AND item.item_code = summed.item_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = summed.item_code
LEFT JOIN named ON named.label_code = newest.label_code
WHERE ($since::TIMESTAMPTZ IS NULL OR (summed.last_at >= $since::TIMESTAMPTZ AND summed.last_at < $until::TIMESTAMPTZ))
    AND ($attribute = '' OR json_extract_string(item.attributes, $attribute) = $attribute_value)
ORDER BY agreement_share, item.item_id
