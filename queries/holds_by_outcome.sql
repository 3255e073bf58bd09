-- Holds placed in a time, by what became of them: how many, and of how many units.
WITH asked AS (
    SELECT
        '1970-01-01 00:00:00' AS since, -- placed at this instant or later, in UTC
        '9999-12-31 00:00:00' AS until -- placed at this instant or earlier, in UTC
),
placed AS (
    SELECT l.record_key AS hold_id, l.at_ms
    FROM ledger AS l CROSS JOIN asked AS a
    WHERE l.type = 'hold_placed'
        AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
        AND l.happened_at BETWEEN CAST(a.since AS timestamp) AND CAST(a.until AS timestamp)
),
-- The first end after it was placed: an id may come again, weeks after a hold of it ended.
ended AS (
    SELECT p.hold_id, p.at_ms, min_by(l.status, l.at_ms) AS outcome
    FROM placed AS p INNER JOIN ledger AS l ON l.record_key = p.hold_id
    WHERE l.type IN ('hold_executed', 'hold_released', 'hold_expired') AND l.at_ms >= p.at_ms
        AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
    GROUP BY p.hold_id, p.at_ms
),
drawn AS (
    SELECT l.cause_id AS hold_id, l.at_ms, sum(l.held_after - coalesce(l.held_before, 0)) AS units
    FROM ledger AS l
    WHERE l.cause_type = 'hold' AND l.shard IS NOT NULL
        AND l.as_of >= '19700101T000000Z' -- since, as partitions are named
    GROUP BY l.cause_id, l.at_ms
)
SELECT coalesce(e.outcome, 'active') AS outcome, count(*) AS holds, sum(d.units) AS units
FROM placed AS p
LEFT JOIN ended AS e ON e.hold_id = p.hold_id AND e.at_ms = p.at_ms
LEFT JOIN drawn AS d ON d.hold_id = p.hold_id AND d.at_ms = p.at_ms
GROUP BY coalesce(e.outcome, 'active')
ORDER BY outcome
