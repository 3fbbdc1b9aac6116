-- A label that a person decided has no probability. `max_by` passes over nulls, so it showed the probability of the version
-- before; `arg_max_null` does not.
CREATE OR REPLACE MACRO labels_as_of(project, at_seq) AS TABLE
    SELECT project_id, item_code, max_by(version, version) AS version, max_by(label_code, version) AS label_code,
        max_by(label_json, version) AS label_json, arg_max_null(p_label, version) AS p_label,
        max_by(n_annotations, version) AS n_annotations, max_by(source, version) AS source, max(seq) AS seq
    FROM label_version WHERE project_id = project AND seq <= at_seq GROUP BY ALL;

DELETE FROM current_label;
INSERT INTO current_label BY NAME
    SELECT project_id, item_code, max(version) AS version, max_by(label_code, version) AS label_code,
        max_by(label_json, version) AS label_json, arg_max_null(p_label, version) AS p_label,
        max_by(n_annotations, version) AS n_annotations, max_by(source, version) AS source, max(seq) AS seq
    FROM label_version GROUP BY project_id, item_code;
