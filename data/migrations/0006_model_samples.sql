-- What single members of a model say, not only their mean: a row an item and run, the members one after the other, each
-- with a probability a label, by label_code (where labels are sets, by choice). `provenance` of a run is JSON: who or what made
-- it, how, from which labels.
ALTER TABLE model_run ADD COLUMN n_members INTEGER;
ALTER TABLE model_run ADD COLUMN provenance VARCHAR;
CREATE TABLE model_sample (
    seq BIGINT, project_id VARCHAR, model_run VARCHAR, item_code BIGINT, samples FLOAT[]
);
