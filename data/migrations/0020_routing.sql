-- The items of which one more vote is asked of some people first: until `opens_at` (null: from the start on everybody is asked). Who is
-- asked stands in the vault, as a bit at `place` for each person; nothing here says it.
CREATE TABLE routing (seq BIGINT, project_id VARCHAR, run_id VARCHAR, item_code BIGINT, place INTEGER, opens_at TIMESTAMPTZ);
