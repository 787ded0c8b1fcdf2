-- Why were files rejected, how often, and when did the newest of each kind arrive?
SELECT reason_code, reason, count(*) AS files, max(received_at) AS newest_received_at
FROM results
WHERE state = 'rejected'
GROUP BY reason_code, reason
ORDER BY files DESC, reason_code, reason;
