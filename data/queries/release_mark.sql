-- seq: the newest event of $project_id that can change what a release holds or how its gates judge it;
-- head: the newest event of the store
SELECT (SELECT coalesce(max(seq), 0) FROM event WHERE project_id = $project_id
        AND kind NOT IN ('flag_claimed', 'claim_released', 'draft_saved', 'release_signed', 'release_exported', 'gate_waived',
            'alert_owned', 'alert_closed', 'alert_sent', 'cost_measured')
    ) AS seq, (SELECT coalesce(max(seq), 0) FROM event) AS head
