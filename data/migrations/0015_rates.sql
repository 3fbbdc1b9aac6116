-- What work is paid, and what currencies are worth. `basis`: hour, annotation, item, prediction, or exchange (`amount_micros` of
-- `into_currency` for one of `currency`). `who_id`: an annotator or a model run, '' for everybody; `work`: its kind, '' for any.
-- Amounts in millionths of the currency's main unit; null takes the rate back. Of rows for the same thing and day the newest holds.
CREATE TABLE rate (
    seq BIGINT, project_id VARCHAR, basis VARCHAR, who_id VARCHAR, "work" VARCHAR, currency VARCHAR, into_currency VARCHAR,
    amount_micros BIGINT, valid_from DATE, valid_to DATE, set_by VARCHAR, set_at TIMESTAMPTZ
);
