-- Sales per hour: holds executed, and units that left the warehouses (about a second later, when they settle).
WITH asked AS (
    SELECT
        '1970-01-01 00:00:00' AS since, -- the first instant, in UTC
        '9999-12-31 00:00:00' AS until -- the last instant, in UTC
),
parts AS (
    SELECT date_trunc('hour', l.happened_at) AS sold_in, 1 AS sales, 0 AS units
    FROM ledger AS l CROSS JOIN asked AS a
    WHERE l.type = 'hold_executed'
        AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
        AND l.happened_at BETWEEN CAST(a.since AS timestamp) AND CAST(a.until AS timestamp)
    UNION ALL
    SELECT
        date_trunc('hour', l.happened_at),
        0,
        l.available_before + l.held_before - l.available_after - l.held_after
    FROM ledger AS l CROSS JOIN asked AS a
    WHERE l.cause_type = 'settlement'
        AND l.shard IS NOT NULL
        AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
        AND l.happened_at BETWEEN CAST(a.since AS timestamp) AND CAST(a.until AS timestamp)
)
SELECT p.sold_in, sum(p.sales) AS sales, sum(p.units) AS units
FROM parts AS p
GROUP BY p.sold_in
ORDER BY p.sold_in
