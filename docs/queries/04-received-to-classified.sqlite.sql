-- How long did files of the last seven days take from received to classified: p50, p95 (nearest rank), slowest?
SELECT count(*) AS files,
       min(CASE WHEN share >= 0.50 THEN seconds END) AS p50_seconds,
       min(CASE WHEN share >= 0.95 THEN seconds END) AS p95_seconds,
       max(seconds) AS slowest_seconds
FROM (
    SELECT seconds, cume_dist() OVER (ORDER BY seconds) AS share
    FROM (
        SELECT round((julianday(classified_at) - julianday(received_at)) * 86400, 3) AS seconds
        FROM results
        WHERE state = 'classified' AND classified_at >= datetime('now', '-7 days')
    ) AS durations
) AS ranked;
