-- The items of $project_id with two independent annotations or more, as of $as_of, the $most least agreed: how far they agree,
-- and their label.
-- item_id, n_annotations, n_labels, agreement_share (agreeing pairs of annotations, of all pairs), today, n_items (how many
-- there are), n_whole (on how many of them all agree); least agreed first, ties in the order of import
-- Of one batch only: $batch, the seq of its import (else -1). Of one window: the item's last annotation with a known time
-- lies in [$since, $until) (else null). Of one attribute: $attribute, a JSON pointer (else ''), is $attribute_value.
WITH taken_back AS MATERIALIZED (
    SELECT annotation_id FROM retraction WHERE seq <= $as_of
), gone AS MATERIALIZED (
    SELECT rowid AS row_number FROM annotation
    WHERE project_id = $project_id AND (SELECT count(*) FROM taken_back) > 0
        AND annotation_id IN (SELECT annotation_id FROM taken_back)
), counted AS (
    SELECT item_code, label_code, count(*) AS n,
        max(CASE WHEN $since::TIMESTAMPTZ IS NOT NULL THEN labelled_at END) AS last_at
    FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND rowid NOT IN (SELECT row_number FROM gone)
        AND ($batch = -1 OR seq = $batch) AND ($since::TIMESTAMPTZ IS NULL OR labelled_at IS NOT NULL)
    GROUP BY item_code, label_code
), summed AS (
    SELECT item_code, sum(n)::BIGINT AS n_annotations, count(*) AS n_labels, sum(n * (n - 1))::DOUBLE AS agreeing,
        max(last_at) AS last_at
    FROM counted GROUP BY item_code HAVING sum(n) >= 2
), shared AS MATERIALIZED (
    SELECT item_code, n_annotations, n_labels, agreeing / (n_annotations * (n_annotations - 1)) AS agreement_share FROM summed
    WHERE ($since::TIMESTAMPTZ IS NULL OR (last_at >= $since::TIMESTAMPTZ AND last_at < $until::TIMESTAMPTZ))
        AND ($attribute = '' OR item_code IN (
            SELECT item_code FROM item WHERE project_id = $project_id AND $attribute <> ''
                AND json_extract_string(attributes, $attribute) = $attribute_value))
), first_ones AS MATERIALIZED (
    SELECT item_code, n_annotations, n_labels, agreement_share FROM shared ORDER BY agreement_share, item_code LIMIT $most
), totals AS (
    SELECT count(*) AS n_items, count(*) FILTER (agreement_share = 1) AS n_whole FROM shared
), newest AS (
    SELECT item_code, arg_max(label_code, version) AS label_code FROM label_version
    WHERE project_id = $project_id AND seq <= $as_of AND item_code IN (SELECT item_code FROM first_ones)
    GROUP BY item_code
), named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, first_ones.n_annotations AS n_annotations, first_ones.n_labels AS n_labels,
    first_ones.agreement_share AS agreement_share, named.label AS today, totals.n_items AS n_items, totals.n_whole AS n_whole
FROM first_ones CROSS JOIN totals
JOIN item ON item.project_id = $project_id AND item.item_code = first_ones.item_code
LEFT JOIN newest ON newest.item_code = first_ones.item_code
LEFT JOIN named ON named.label_code = newest.label_code
ORDER BY first_ones.agreement_share, first_ones.item_code
