-- What a model says of the tokens of texts: a row a run, which says what it is (`tags`: a JSON list), and a row an item and run.
-- Token i of an item goes from character starts[i] up to, not including, ends[i]; `probabilities` has those of the first token's tags,
-- then the second's, and so on.
CREATE TABLE token_run (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, n_items BIGINT, n_tokens BIGINT, tags VARCHAR, content_sha256 VARCHAR,
    name VARCHAR, format VARCHAR, note VARCHAR, imported_by VARCHAR, imported_at TIMESTAMPTZ
);
CREATE TABLE token_probability (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, item_code BIGINT, starts INTEGER[], ends INTEGER[], probabilities FLOAT[]
);
