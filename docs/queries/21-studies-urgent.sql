-- What became of the urgent studies, the newest first?
SELECT study_id, received_at, state, label, finalised_at
FROM studies
WHERE priority = 'stat'
ORDER BY received_at DESC, study_id;
