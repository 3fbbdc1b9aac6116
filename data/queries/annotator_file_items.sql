-- The items of $project_id that the annotator $annotator_code labelled as of $as_of: item_code, item_id, preview (120 characters)
SELECT item_code, item_id, left("text", 120) AS preview FROM item
WHERE project_id = $project_id AND seq <= $as_of AND item_code IN (
    SELECT item_code FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND annotator_code = $annotator_code
)
QUALIFY row_number() OVER (PARTITION BY item_code ORDER BY seq DESC) = 1
