-- next_code: the code of the store's next annotator
SELECT coalesce(max(annotator_code), -1) + 1 AS next_code FROM annotator
