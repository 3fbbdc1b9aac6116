-- annotator_id, annotator_code: every annotator of the store
SELECT annotator_id, annotator_code FROM annotator
