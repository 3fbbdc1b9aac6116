-- The releases of $project_id as of $as_of, newest first.
-- seq, release_id, version, content_hash, saw_seq, n_items, gates (JSON), note, proposed_by, proposed_at, bias_statement_sha256
-- (null for those proposed before their event held the statement)
SELECT release.seq AS seq, release.release_id AS release_id, release."version" AS "version", release.content_hash AS content_hash,
    release.saw_seq AS saw_seq, release.n_items AS n_items, release.gates AS gates, release.note AS note,
    release.proposed_by AS proposed_by, release.proposed_at AS proposed_at,
    CASE WHEN (event.payload -> '$.bias_statement') IS NOT NULL THEN event.payload ->> '$.bias_statement_sha256' END
        AS bias_statement_sha256
FROM release JOIN event ON event.seq = release.seq
WHERE release.project_id = $project_id AND release.seq <= $as_of ORDER BY release."version" DESC
