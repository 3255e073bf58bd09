-- Every movement of an item: what changed, why, and who did it.
WITH asked AS (
    SELECT
        'espresso-cup' AS item, -- an item
        '%' AS warehouse, -- a warehouse, or a pattern of names
        '1970-01-01 00:00:00' AS since, -- the first instant, in UTC
        '9999-12-31 00:00:00' AS until -- the last instant, in UTC
)
SELECT
    l.happened_at,
    l.warehouse_id,
    l.shard,
    coalesce(l.available_after, 0) - coalesce(l.available_before, 0) AS available_change,
    coalesce(l.held_after, 0) - coalesce(l.held_before, 0) AS held_change,
    l.available_after,
    l.held_after,
    coalesce(l.cause_type, l.type) AS cause,
    l.cause_id,
    l.reason,
    l.reference,
    coalesce(l.actor, l."by") AS actor,
    l.event_id
FROM ledger AS l CROSS JOIN asked AS a
WHERE l.item_id = a.item
    AND l.shard IS NOT NULL
    AND l.warehouse_id LIKE replace(a.warehouse, '_', '\_') ESCAPE '\'
    AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
    AND l.happened_at BETWEEN CAST(a.since AS timestamp) AND CAST(a.until AS timestamp)
ORDER BY l.at_ms, l.record_key, l.rev
