-- annotator_code, annotator_id: everybody in the store
SELECT annotator_code, max_by(annotator_id, seq) AS annotator_id FROM annotator GROUP BY annotator_code ORDER BY annotator_code
