-- A model's judgement of labels that are sets. `choice_code` is the choice in most doubt, `choice_given` whether the set has it,
-- `p_choice` the model's probability that the item has it, `choice_quality` that of votes and model together that it is as the set has
-- it, `doubted_codes` all choices that confident learning doubts, the most doubtful first. Of a set `other_label_code` is null where
-- nobody gave the model's set yet, `nearest_label_code` is the choice on which most neighbours differ and `nearest_label_share` their
-- share, `disagreement` is that on the choice `disagreement_choice_code`. All null where labels are no sets.
ALTER TABLE judgement ADD COLUMN choice_code INTEGER;
ALTER TABLE judgement ADD COLUMN choice_given BOOLEAN;
ALTER TABLE judgement ADD COLUMN p_choice DOUBLE;
ALTER TABLE judgement ADD COLUMN choice_quality DOUBLE;
ALTER TABLE judgement ADD COLUMN doubted_codes BIGINT[];
ALTER TABLE judgement ADD COLUMN disagreement_choice_code INTEGER;
-- What a flag rested on when it was raised, as JSON (docs/data-model.md); null for flags that are older.
ALTER TABLE flag ADD COLUMN passport VARCHAR;

-- Whether a label looks wrong: to the model and to model and votes together, or by what people's verdicts taught; nobody has judged it.
CREATE MACRO looks_wrong(is_judged, is_suspect, together, p_wrong, least_together, least_p_wrong) AS
    NOT is_judged AND ((is_suspect AND together < least_together) OR coalesce(p_wrong >= least_p_wrong, false));
