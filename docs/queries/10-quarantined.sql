-- Which scans are quarantined, after how many attempts, and since when?
SELECT results.scan_id, results.source_name, scan.attempts, scan.finished_at, results.reason
FROM results
JOIN scan ON scan.id = results.scan_id
WHERE results.state = 'quarantined'
ORDER BY scan.finished_at, results.scan_id;
