-- annotator_code of $person_id; no row where they have not annotated yet
SELECT annotator_code FROM annotator WHERE annotator_id = $person_id
