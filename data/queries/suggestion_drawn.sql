-- The first draw (not what a file says) of $project_id for the item $item_code and the annotator $annotator_code; no row where there was none.
-- label_code, is_shown
SELECT label_code, is_shown FROM suggestion
WHERE project_id = $project_id AND item_code = $item_code AND annotator_code = $annotator_code AND source = 'drawn' ORDER BY seq LIMIT 1
