-- Everything that audits found, newest snapshot first, with the evidence.
WITH asked AS (
    SELECT
        '%' AS check_name, -- a check's name, or a pattern of names
        '1970-01-01 00:00:00' AS since -- only audits of snapshots of this instant, in UTC, or later
)
SELECT f.as_of, f.audit, f.check_name, f.record, f.path, f.what, f.evidence
FROM audit_findings AS f CROSS JOIN asked AS a
WHERE f.check_name LIKE replace(a.check_name, '_', '\_') ESCAPE '\'
    AND f.as_of >= replace(replace(replace(
        substr(CAST(CAST(a.since AS timestamp) AS varchar), 1, 19), '-', ''), ':', ''), ' ', 'T') || 'Z'
ORDER BY f.as_of DESC, f.audit, f.check_name, f.record, f.path
