-- Which scans have waited longest without a final state?
SELECT scan_id, source_name, state, received_at
FROM results
WHERE state IN ('received', 'queued', 'running')
ORDER BY received_at, scan_id
LIMIT 20;
