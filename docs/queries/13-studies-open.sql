-- Which studies await further images, the oldest first?
SELECT study_id, coalesce(name, accession_number, study_uid) AS study, received_at, images_received, images_expected
FROM studies
WHERE state = 'open'
ORDER BY received_at, study_id;
