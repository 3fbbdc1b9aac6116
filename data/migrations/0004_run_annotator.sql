-- What a scoring run took each annotator for: `weight` of their votes (null where the method has a confusion matrix),
-- `confusion` (K x K, a row for each label of the item; null where the method has weights).
CREATE TABLE run_annotator (
    seq BIGINT, project_id VARCHAR, run_id VARCHAR, annotator_code BIGINT, weight DOUBLE, confusion DOUBLE[]
);
