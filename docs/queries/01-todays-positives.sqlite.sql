-- Which files were classified as hemorrhage today (UTC), the most probable first?
SELECT file_id, source_name, probability, threshold, model_version, classified_at
FROM results
WHERE state = 'classified' AND label = 'hemorrhage' AND classified_at >= date('now')
ORDER BY probability DESC, file_id;
