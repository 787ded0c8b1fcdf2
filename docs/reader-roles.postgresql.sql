-- Two roles for people who query the results with tools of their own. Neither can write anything.
--   headct_reader      reads the views results, studies and agreement
--   headct_statistics  the same without what leads to a patient: source_name, sha256, and names, UIDs and times of studies
-- Run it as headct's own user, who owns the views and needs CREATEROLE the first time. Again after every upgrade,
-- which may make the views anew. Doing it twice changes nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'headct_reader') THEN
        CREATE ROLE headct_reader NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'headct_statistics') THEN
        CREATE ROLE headct_statistics NOLOGIN;
    END IF;
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO headct_reader, headct_statistics;

GRANT SELECT ON results, studies, agreement TO headct_reader;
GRANT SELECT ON agreement TO headct_statistics;
GRANT SELECT (
    file_id, image_id, frame, received_at, state, reason_code, reason, label, label_code, label_reason, probability, threshold, model_version,
    classified_at, reader_label, warnings
) ON results TO headct_statistics;
GRANT SELECT (
    study_id, received_at, priority, state, label, label_code, label_reason, probability, threshold, rule, model_version,
    images_expected, images_received, images_assessed, images_uncertain, finalised_at, reader_label, warnings
) ON studies TO headct_statistics;
