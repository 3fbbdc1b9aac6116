-- annotator_code, annotator_id: everybody who ever labelled an item of $project_id
SELECT annotator_code, annotator_id FROM annotator
WHERE annotator_code IN (SELECT annotator_code FROM annotation WHERE project_id = $project_id) ORDER BY annotator_code
