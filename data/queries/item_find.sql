-- The items of $project_id as of $as_of that match every filter, one page of them; `total` counts all matches.
-- Filters ('' or an empty list means any): $search (in the id or the text, any case), $label_codes (-2: items without a label),
-- $flag_state (open, closed, none), $annotator (an annotator_id that annotated it), $attribute (a JSON pointer) with
-- $attribute_value, $label_source (consensus, relabel, adjudication). $sort: item, doubt, flag, changed, annotations.
-- item_code, item_id, kind, preview (first 160 characters), label_code, p_label, n_annotations, label_source, label_version,
-- flag_state, flag_score, n_agree (annotations that chose the label), n_votes (annotations that count), total, and
-- picture (the image itself where it is small enough for a list, and with $pictures)
WITH labelled AS (
    SELECT item_code, max_by(label_code, version) AS label_code, arg_max_null(p_label, version) AS p_label,
        max_by(n_annotations, version) AS n_annotations, max_by(source, version) AS label_source,
        max(version) AS label_version, max(seq) AS changed_seq
    FROM label_version WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code
),
standing AS (
    SELECT flag.item_code AS item_code, flag.seq AS seq, any_value(flag.score) AS score,
        coalesce(max_by(flag_status."status", flag_status.seq), 'open') AS "status"
    FROM flag LEFT JOIN flag_status ON flag_status.flag_id = flag.flag_id AND flag_status.seq <= $as_of
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of GROUP BY flag.flag_id, flag.item_code, flag.seq
),
flagged AS (
    SELECT item_code, CASE WHEN bool_or("status" <> 'closed') THEN 'open' ELSE 'closed' END AS flag_state,
        max_by(score, seq) AS flag_score
    FROM standing GROUP BY item_code
),
matching AS MATERIALIZED (
    SELECT item.item_code AS item_code, item.item_id AS item_id, item.seq AS item_seq,
        labelled.label_code AS label_code, labelled.p_label AS p_label, labelled.n_annotations AS n_annotations,
        labelled.label_source AS label_source, labelled.label_version AS label_version, labelled.changed_seq AS changed_seq,
        coalesce(flagged.flag_state, 'none') AS flag_state, flagged.flag_score AS flag_score
    FROM item LEFT JOIN labelled ON labelled.item_code = item.item_code
    LEFT JOIN flagged ON flagged.item_code = item.item_code
    WHERE item.project_id = $project_id AND item.seq <= $as_of
        AND ($search = '' OR contains(lower(item.item_id), lower($search)) OR contains(lower(item.text), lower($search)))
        AND (len($label_codes::INTEGER[]) = 0 OR list_contains($label_codes::INTEGER[], coalesce(labelled.label_code, -2)))
        AND ($flag_state = '' OR coalesce(flagged.flag_state, 'none') = $flag_state)
        AND ($label_source = '' OR labelled.label_source = $label_source)
        AND ($attribute = '' OR json_extract_string(item.attributes, $attribute) = $attribute_value)
        AND ($annotator = '' OR item.item_code IN (
            SELECT annotation.item_code FROM annotation
            JOIN annotator ON annotator.annotator_code = annotation.annotator_code AND annotator.annotator_id = $annotator
            WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of
        ))
),
keyed AS (
    SELECT *, CASE $sort WHEN 'doubt' THEN p_label WHEN 'changed' THEN -changed_seq::DOUBLE WHEN 'annotations' THEN -n_annotations::DOUBLE
            WHEN 'flag' THEN CASE flag_state WHEN 'open' THEN 0 WHEN 'closed' THEN 1 ELSE 2 END END AS first_key,
        CASE WHEN $sort = 'flag' THEN -flag_score END AS second_key
    FROM matching
),
first_ones AS (
    SELECT * FROM keyed ORDER BY first_key NULLS LAST, second_key NULLS LAST, item_id LIMIT $page_size OFFSET $skip
),
page AS (
    SELECT *, (SELECT count(*) FROM matching) AS total,
        row_number() OVER (ORDER BY first_key NULLS LAST, second_key NULLS LAST, item_id) AS place
    FROM first_ones
),
voted AS (
    SELECT page.item_code AS item_code, count(*) AS n_votes,
        count(*) FILTER (WHERE annotation.label_code = page.label_code) AS n_agree
    FROM page JOIN annotation ON annotation.item_code = page.item_code
    WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND annotation.independent
        AND annotation.annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY page.item_code
)
SELECT page.item_code AS item_code, page.item_id AS item_id, item.kind AS kind, left(item.text, 160) AS preview,
    page.* EXCLUDE (item_code, item_id, item_seq, place, changed_seq, first_key, second_key),
    coalesce(voted.n_agree, 0) AS n_agree, coalesce(voted.n_votes, 0) AS n_votes,
    CASE WHEN $pictures AND octet_length(item.image_bytes) <= 65536 THEN item.image_bytes END AS picture
FROM page JOIN item ON item.project_id = $project_id AND item.item_code = page.item_code AND item.seq = page.item_seq
LEFT JOIN voted ON voted.item_code = page.item_code ORDER BY page.place
