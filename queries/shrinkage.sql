-- Shrinkage: units written off, and differences that counts found, by reason and warehouse.
WITH asked AS (
    SELECT
        '%' AS warehouse, -- a warehouse, or a pattern of names
        '1970-01-01 00:00:00' AS since, -- the first instant, in UTC
        '9999-12-31 00:00:00' AS until -- the last instant, in UTC
)
SELECT
    l.reason,
    l.warehouse_id,
    count(*) AS adjustments,
    sum(CASE WHEN l.quantity < 0 THEN -l.quantity ELSE 0 END) AS lost,
    sum(CASE WHEN l.quantity > 0 THEN l.quantity ELSE 0 END) AS found,
    -sum(l.quantity) AS shrinkage
FROM ledger AS l CROSS JOIN asked AS a
WHERE l.type = 'adjustment_made'
    AND (l.quantity < 0 OR l."count" IS NOT NULL)
    AND l.warehouse_id LIKE replace(a.warehouse, '_', '\_') ESCAPE '\'
    AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
    AND l.happened_at BETWEEN CAST(a.since AS timestamp) AND CAST(a.until AS timestamp)
GROUP BY l.reason, l.warehouse_id
ORDER BY shrinkage DESC, l.reason, l.warehouse_id
