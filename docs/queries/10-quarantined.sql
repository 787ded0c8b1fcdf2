-- Which files are quarantined, after how many attempts, and since when?
SELECT results.file_id, results.source_name, file.attempts, file.finished_at, results.reason
FROM results
JOIN file ON file.id = results.file_id
WHERE results.state = 'quarantined'
ORDER BY file.finished_at, results.file_id;
