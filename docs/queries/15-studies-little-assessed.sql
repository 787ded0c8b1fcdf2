-- In which studies did the model judge less than half of the images?
SELECT study_id, label, images_assessed, images_received, warnings
FROM studies
WHERE 2 * images_assessed < images_received
ORDER BY images_received - images_assessed DESC, study_id;
