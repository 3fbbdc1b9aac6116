-- annotator_code, annotator_id, kind: every annotator of the store as of $as_of
SELECT annotator_code, annotator_id, kind FROM annotator WHERE seq <= $as_of ORDER BY annotator_code
