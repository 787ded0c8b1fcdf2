-- How many files were classified in each hour (UTC) of the last seven days?
SELECT strftime('%Y-%m-%d %H:00', classified_at) AS hour, count(*) AS files
FROM results
WHERE state = 'classified' AND classified_at >= datetime('now', '-7 days')
GROUP BY hour
ORDER BY hour;
