-- What a model made of items, as vectors: a row a run, which says what it is, and a row an item and run. `content_sha256` is of the
-- item codes and vectors.
CREATE TABLE embedding_run (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, n_items BIGINT, n_dimensions INTEGER, content_sha256 VARCHAR, name VARCHAR,
    format VARCHAR, note VARCHAR, imported_by VARCHAR, imported_at TIMESTAMPTZ
);
CREATE TABLE embedding (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, item_code BIGINT, vector FLOAT[]
);
