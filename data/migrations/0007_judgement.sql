-- What a model says of each item's label: a row an item and run of kind "uncertainty". Entropies in nats. `label_code` is the
-- label that was judged (where people settled a flag meanwhile: the one that was flagged), `other_label_code` the model's
-- likeliest other label. Nulls: not known for this item.
CREATE TABLE judgement (
    seq BIGINT, project_id VARCHAR, run_id VARCHAR, item_code BIGINT, label_code INTEGER, other_label_code INTEGER,
    p_label DOUBLE, p_other DOUBLE, predictive_entropy DOUBLE, expected_entropy DOUBLE, mutual_information DOUBLE,
    variation_ratio DOUBLE, margin DOUBLE, disagreement DOUBLE, disagreement_low DOUBLE, disagreement_high DOUBLE,
    disagreement_kind VARCHAR, quadrant VARCHAR, is_suspect BOOLEAN, crowd_quality DOUBLE, other_label_share DOUBLE,
    nearest_label_code INTEGER, nearest_label_share DOUBLE, neighbour_codes BIGINT[], outlier_score DOUBLE, copy_of BIGINT, is_contradictory BOOLEAN,
    p_wrong DOUBLE, p_low DOUBLE, p_high DOUBLE, is_judged BOOLEAN
);
