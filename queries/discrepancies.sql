-- Everything that audits found, newest snapshot first, with the evidence.
WITH asked AS (
    SELECT
        '%' AS check_name, -- a check's name, or a pattern of names
        '0' AS since -- only audits of snapshots of this instant or later, as YYYYMMDDTHHMMSSZ
)
SELECT f.as_of, f.check_name, f.record, f.path, f.what, f.evidence
FROM audit_findings AS f CROSS JOIN asked AS a
WHERE f.check_name LIKE a.check_name AND f.as_of >= a.since
ORDER BY f.as_of DESC, f.check_name, f.record, f.path
