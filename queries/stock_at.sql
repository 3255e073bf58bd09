-- What was where at an instant, exactly: the nearest snapshot, and what happened after it.
WITH asked AS (
    SELECT
        '9999-12-31 00:00:00' AS at, -- an instant in UTC; one that is not sealed yet: the last that is
        '%' AS item, -- an item, or a pattern of names
        '%' AS warehouse -- a warehouse, or a pattern of names
),
base AS (
    SELECT coalesce(max(s.as_of), '19700101T000000Z') AS as_of -- before the first snapshot: from nothing
    FROM snapshots AS s CROSS JOIN asked AS a
    WHERE s.as_of <= replace(replace(replace(
        substr(CAST(CAST(a.at AS timestamp) AS varchar), 1, 19), '-', ''), ':', ''), ' ', 'T') || 'Z'
),
base_instant AS (
    SELECT b.as_of, CAST(
        substr(b.as_of, 1, 4) || '-' || substr(b.as_of, 5, 2) || '-' || substr(b.as_of, 7, 2) || ' '
        || substr(b.as_of, 10, 2) || ':' || substr(b.as_of, 12, 2) || ':' || substr(b.as_of, 14, 2) AS timestamp
    ) AS instant
    FROM base AS b
),
parts AS (
    SELECT s.item_id, s.warehouse_id, s.available, s.held, s.last_event_at AS happened_at
    FROM snapshots AS s JOIN base AS b ON s.as_of = b.as_of
    UNION ALL
    SELECT
        l.item_id,
        l.warehouse_id,
        coalesce(l.available_after, 0) - coalesce(l.available_before, 0),
        coalesce(l.held_after, 0) - coalesce(l.held_before, 0),
        l.happened_at
    FROM ledger AS l
    CROSS JOIN base_instant AS b
    CROSS JOIN asked AS a
    WHERE l.as_of > b.as_of
        AND l.shard IS NOT NULL
        AND l.happened_at > b.instant
        AND l.happened_at <= CAST(a.at AS timestamp)
)
SELECT
    p.item_id,
    p.warehouse_id,
    sum(p.available) AS available,
    sum(p.held) AS held,
    sum(p.available) + sum(p.held) AS on_hand,
    max(p.happened_at) AS last_event_at
FROM parts AS p CROSS JOIN asked AS a
WHERE p.item_id LIKE replace(a.item, '_', '\_') ESCAPE '\'
    AND p.warehouse_id LIKE replace(a.warehouse, '_', '\_') ESCAPE '\'
GROUP BY p.item_id, p.warehouse_id
ORDER BY p.item_id, p.warehouse_id
