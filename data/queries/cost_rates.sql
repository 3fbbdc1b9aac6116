-- The rates of $project_id that hold as of $as_of, in the order of their days.
-- basis, who_id, work, currency, into_currency, amount_micros, valid_from, valid_to, set_by, set_at
SELECT basis, who_id, "work" AS "work", currency, into_currency, amount_micros, valid_from, valid_to, set_by, set_at
FROM rate WHERE project_id = $project_id AND seq <= $as_of
QUALIFY row_number() OVER (
    PARTITION BY basis, who_id, "work", if(basis = 'exchange', currency || into_currency, ''), valid_from ORDER BY seq DESC
) = 1 AND amount_micros IS NOT NULL
ORDER BY valid_from, basis, who_id, "work", currency
