-- What run $run_id of $project_id measured of every pair of annotators, one row a pair.
-- annotator_a, annotator_b, n (items that both labelled), agreement (share of them), kappa, kappa_low, kappa_high, kappa_undefined,
-- weighted_kappa, weighted_kappa_low, weighted_kappa_high, weighted_kappa_undefined, has_weighted (whether it was measured)
WITH pairs AS (
    SELECT group_id, detail, "key" AS "key", "value" AS "value", low, high, n, undefined FROM measurement
    WHERE project_id = $project_id AND run_id = $run_id AND group_kind = 'pair'
)
SELECT plain.group_id ->> '$[0]' AS annotator_a, plain.group_id ->> '$[1]' AS annotator_b, plain.n AS n,
    (plain.detail ->> '$.agreement')::DOUBLE AS agreement,
    plain."value" AS kappa, plain.low AS kappa_low, plain.high AS kappa_high, plain.undefined AS kappa_undefined,
    weighted."value" AS weighted_kappa, weighted.low AS weighted_kappa_low, weighted.high AS weighted_kappa_high,
    weighted.undefined AS weighted_kappa_undefined, weighted.group_id IS NOT NULL AS has_weighted
FROM pairs AS plain
LEFT JOIN pairs AS weighted ON weighted.group_id = plain.group_id AND weighted."key" = 'cohen_weighted_kappa'
WHERE plain."key" = 'cohen_kappa' ORDER BY annotator_a, annotator_b
