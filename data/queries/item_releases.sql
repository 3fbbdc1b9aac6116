-- The releases of $project_id that hold the item $item_code, as of $as_of, oldest first.
-- seq, release_version, label_version, label_code, proposed_by, proposed_at
SELECT release.seq AS seq, release.version AS release_version, release_item.version AS label_version,
    release_item.label_code AS label_code, release.proposed_by AS proposed_by, release.proposed_at AS proposed_at
FROM release_item JOIN release ON release.release_id = release_item.release_id
WHERE release.project_id = $project_id AND release_item.item_code = $item_code AND release.seq <= $as_of
ORDER BY release.seq
