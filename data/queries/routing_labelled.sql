-- Who labelled which of the items $item_codes of $project_id: retracted annotations too, for who labelled once has seen it.
-- item_code, annotator_code
SELECT DISTINCT item_code, annotator_code FROM annotation
WHERE project_id = $project_id AND item_code IN (SELECT unnest(CAST($item_codes AS BIGINT[])))
ORDER BY item_code, annotator_code
