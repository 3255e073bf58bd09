-- Holds that were not settled at a snapshot's instant: who holds what, and until when.
WITH asked AS (
    SELECT
        '9999-12-31 00:00:00' AS as_of, -- a snapshot's instant in UTC; between two, the earlier counts
        '%' AS item -- an item, or a pattern of names
),
base AS (
    SELECT max(s.as_of) AS as_of
    FROM snapshots AS s CROSS JOIN asked AS a
    WHERE s.as_of <= replace(replace(replace(
        substr(CAST(CAST(a.as_of AS timestamp) AS varchar), 1, 19), '-', ''), ':', ''), ' ', 'T') || 'Z'
)
SELECT h.hold_id, h.status, h.item_id, h.warehouse_id, sum(h.quantity) AS quantity, h.created, h.expires_at, h.actor
FROM holds AS h
JOIN base AS b ON h.as_of = b.as_of
CROSS JOIN asked AS a
WHERE h.item_id LIKE replace(a.item, '_', '\_') ESCAPE '\'
GROUP BY h.hold_id, h.status, h.item_id, h.warehouse_id, h.created, h.expires_at, h.actor
ORDER BY h.expires_at, h.hold_id, h.item_id, h.warehouse_id
