-- Which scans were classified as hemorrhage today (UTC), the most probable first?
SELECT scan_id, source_name, probability, threshold, model_version, classified_at
FROM results
WHERE state = 'classified' AND label = 'hemorrhage' AND classified_at >= date('now')
ORDER BY probability DESC, scan_id;
