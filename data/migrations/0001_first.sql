-- The read side of a store. Every row carries the seq of the event that made it; nothing here is the record.
CREATE TABLE applied (seq BIGINT, head_hash VARCHAR);
INSERT INTO applied VALUES (0, repeat('0', 64));

CREATE TABLE event (
    seq BIGINT, event_id VARCHAR, recorded_at TIMESTAMPTZ, project_id VARCHAR, actor VARCHAR, kind VARCHAR,
    subject VARCHAR, request_id VARCHAR PRIMARY KEY, request_hash VARCHAR, payload VARCHAR, hash VARCHAR
);
CREATE TABLE member (seq BIGINT, person_id VARCHAR, name VARCHAR, roles VARCHAR[], active BOOLEAN);
CREATE TABLE project (seq BIGINT, project_id VARCHAR, title VARCHAR, description VARCHAR);
CREATE TABLE label_set (seq BIGINT, project_id VARCHAR, version INTEGER, level VARCHAR, title VARCHAR);
CREATE TABLE label (
    seq BIGINT, project_id VARCHAR, set_version INTEGER, label_code INTEGER, label VARCHAR, value DOUBLE, position INTEGER
);
CREATE TABLE guideline (
    seq BIGINT, project_id VARCHAR, version INTEGER, markdown VARCHAR, sha256 VARCHAR, published_at TIMESTAMPTZ, published_by VARCHAR
);
CREATE TABLE item (
    seq BIGINT, project_id VARCHAR, item_code BIGINT, item_id VARCHAR, kind VARCHAR, text VARCHAR, image VARCHAR,
    image_bytes BLOB, attributes VARCHAR
);
CREATE TABLE annotator (seq BIGINT, annotator_code BIGINT, annotator_id VARCHAR, kind VARCHAR);
CREATE TABLE gold (seq BIGINT, project_id VARCHAR, item_code BIGINT, label_code INTEGER, label_json VARCHAR);
CREATE TABLE prediction (
    seq BIGINT, project_id VARCHAR, item_code BIGINT, model_run VARCHAR, label_code INTEGER, label_json VARCHAR, score DOUBLE
);
CREATE TABLE annotation (
    seq BIGINT, annotation_id VARCHAR, project_id VARCHAR, item_code BIGINT, annotator_code BIGINT, label_code INTEGER,
    label_json VARCHAR, labelled_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ, active_seconds DOUBLE, source VARCHAR,
    independent BOOLEAN, asserted BOOLEAN, assignment VARCHAR, guideline_version INTEGER, rationale VARCHAR,
    supersedes VARCHAR, position BIGINT
);
CREATE TABLE retraction (seq BIGINT, annotation_id VARCHAR, undo_of BIGINT);
CREATE TABLE import (
    seq BIGINT, project_id VARCHAR, name VARCHAR, sha256 VARCHAR, format VARCHAR, imported BIGINT, duplicates BIGINT, rejected BIGINT
);
CREATE TABLE run (
    seq BIGINT, run_id VARCHAR, project_id VARCHAR, kind VARCHAR, method VARCHAR, parameters VARCHAR, code_version VARCHAR,
    saw_seq BIGINT, ran_at TIMESTAMPTZ
);
CREATE TABLE consensus (
    seq BIGINT, run_id VARCHAR, project_id VARCHAR, item_code BIGINT, label_code INTEGER, p_label DOUBLE,
    n_annotations INTEGER, tied BOOLEAN, posterior DOUBLE[]
);
CREATE TABLE measurement (
    seq BIGINT, project_id VARCHAR, run_id VARCHAR, measured_at TIMESTAMPTZ, "key" VARCHAR, group_kind VARCHAR, group_id VARCHAR,
    "value" DOUBLE, low DOUBLE, high DOUBLE, n BIGINT, undefined VARCHAR, unit VARCHAR, detail VARCHAR
);
CREATE TABLE flag (
    seq BIGINT, flag_id VARCHAR, project_id VARCHAR, item_code BIGINT, run_id VARCHAR, score DOUBLE, reasons VARCHAR,
    raised_at TIMESTAMPTZ, "status" VARCHAR
);
CREATE TABLE flag_status (
    seq BIGINT, project_id VARCHAR, flag_id VARCHAR, "status" VARCHAR, resolution VARCHAR, actor VARCHAR, changed_at TIMESTAMPTZ,
    note VARCHAR
);
CREATE TABLE flag_touch (
    seq BIGINT, project_id VARCHAR, flag_id VARCHAR, person_id VARCHAR, "action" VARCHAR, annotation_id VARCHAR, label_code INTEGER,
    verdict VARCHAR, note VARCHAR, touched_at TIMESTAMPTZ
);
CREATE TABLE claim (seq BIGINT, project_id VARCHAR, flag_id VARCHAR, person_id VARCHAR, action VARCHAR, claimed_at TIMESTAMPTZ);
CREATE TABLE work_draft (seq BIGINT, person_id VARCHAR, flag_id VARCHAR, content VARCHAR, saved_at TIMESTAMPTZ);
CREATE TABLE decision (
    seq BIGINT, decision_id VARCHAR, project_id VARCHAR, item_code BIGINT, flag_id VARCHAR, label_code INTEGER, label_json VARCHAR,
    reason VARCHAR, decided_by VARCHAR, decided_at TIMESTAMPTZ, kind VARCHAR
);
CREATE TABLE label_version (
    seq BIGINT, project_id VARCHAR, item_code BIGINT, version INTEGER, label_code INTEGER, label_json VARCHAR, p_label DOUBLE,
    n_annotations INTEGER, source VARCHAR, run_id VARCHAR, decided_by VARCHAR, reason VARCHAR, recorded_at TIMESTAMPTZ
);
CREATE TABLE current_label (
    project_id VARCHAR, item_code BIGINT, version INTEGER, label_code INTEGER, label_json VARCHAR, p_label DOUBLE,
    n_annotations INTEGER, source VARCHAR, seq BIGINT
);
CREATE TABLE release (
    seq BIGINT, release_id VARCHAR, project_id VARCHAR, version INTEGER, content_hash VARCHAR, saw_seq BIGINT, n_items BIGINT,
    gates VARCHAR, note VARCHAR, proposed_by VARCHAR, proposed_at TIMESTAMPTZ
);
CREATE TABLE release_item (
    seq BIGINT, release_id VARCHAR, item_code BIGINT, item_id VARCHAR, version INTEGER, label_code INTEGER, label_json VARCHAR
);
CREATE TABLE signature (
    seq BIGINT, release_id VARCHAR, person_id VARCHAR, decision VARCHAR, content_hash VARCHAR, reason VARCHAR, signed_at TIMESTAMPTZ
);
CREATE TABLE waiver (seq BIGINT, release_id VARCHAR, gate VARCHAR, reason VARCHAR, person_id VARCHAR, waived_at TIMESTAMPTZ);
CREATE TABLE setting (seq BIGINT, project_id VARCHAR, "key" VARCHAR, "value" VARCHAR, set_by VARCHAR, set_at TIMESTAMPTZ);

CREATE MACRO labels_as_of(project, at_seq) AS TABLE
    SELECT project_id, item_code, max_by(version, version) AS version, max_by(label_code, version) AS label_code,
        max_by(label_json, version) AS label_json, max_by(p_label, version) AS p_label,
        max_by(n_annotations, version) AS n_annotations, max_by(source, version) AS source, max(seq) AS seq
    FROM label_version WHERE project_id = project AND seq <= at_seq GROUP BY ALL;
