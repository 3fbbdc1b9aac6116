-- version, markdown, sha256, published_at, published_by: the guideline of $project_id, newest version first
SELECT version, markdown, sha256, published_at, published_by FROM guideline
WHERE project_id = $project_id AND seq <= $as_of ORDER BY version DESC
