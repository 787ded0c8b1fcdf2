-- Which files have waited longest without a final state?
SELECT file_id, source_name, state, received_at
FROM results
WHERE state IN ('received', 'queued', 'running')
ORDER BY received_at, file_id
LIMIT 20;
