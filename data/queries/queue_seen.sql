-- How often the annotator $annotator_code annotated the item $item_code of $project_id: retracted annotations too, for who
-- answered once has seen it. n
SELECT count(*) AS n FROM annotation
WHERE item_code = $item_code AND annotator_code = $annotator_code AND project_id = $project_id
