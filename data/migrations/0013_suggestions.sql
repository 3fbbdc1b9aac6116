-- Whether somebody had a model's label before them when they labelled an item: a row an (item, annotator), drawn by the store before
-- the answer (`source` "drawn": `p_hidden` is the probability with which it was hidden) or said by an imported file ("asserted").
CREATE TABLE suggestion (
    seq BIGINT, project_id VARCHAR, item_code BIGINT, annotator_code BIGINT, flag_id VARCHAR, label_code INTEGER,
    is_shown BOOLEAN, source VARCHAR, p_hidden DOUBLE, drawn_at TIMESTAMPTZ
);
