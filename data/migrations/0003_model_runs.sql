-- What a model says about every label, not only its first one: a row a run, and a row an item and run. The list of
-- probabilities is indexed by label_code. `out_of_sample` is what the import found about the claim: passed, doubted
-- (`warning` says why) or not_checked; `saw_seq` is the last event that it saw.
CREATE TABLE model_run (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, n_items BIGINT, n_labels INTEGER, content_sha256 VARCHAR, name VARCHAR,
    format VARCHAR, note VARCHAR, out_of_sample VARCHAR, warning VARCHAR, saw_seq BIGINT, imported_by VARCHAR,
    imported_at TIMESTAMPTZ
);
CREATE TABLE probability (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, item_code BIGINT, probabilities DOUBLE[]
);
