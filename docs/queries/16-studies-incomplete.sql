-- Of which final studies did fewer images come than their files announce?
SELECT study_id, label, images_received, images_expected
FROM studies
WHERE state = 'final' AND images_received < images_expected
ORDER BY study_id;
