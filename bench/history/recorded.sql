-- An archive's lines, made up: recorded.py sets the variables and says what they are.
CREATE TABLE sales AS
WITH numbered AS (
    SELECT sale, sale % getvariable('items') AS item_number, sale % (getvariable('items') * getvariable('shards')) AS place,
           getvariable('start_ms') + 60000 + sale * 10 // getvariable('per_s') * 100 AS placed
    FROM range(getvariable('sales')) AS told(sale)
),
told AS (
    SELECT sale, placed, 'hold_' || md5('hold/' || sale) AS hold_id, 'sku-' || lpad(item_number::VARCHAR, 5, '0') AS item,
           place // getvariable('items') AS shard, (1 + hash(sale) % 3)::BIGINT AS quantity,
           sale // (getvariable('items') * getvariable('shards') * getvariable('settled_at_once')) AS batch,
           placed + 100 + (hash(sale + 1) % 100)::BIGINT * 100 AS resolved,
           CASE hash(sale + 2) % 20 WHEN 0 THEN 'released' WHEN 1 THEN 'expired' ELSE 'executed' END AS outcome
    FROM numbered
)
SELECT *, CASE WHEN outcome = 'executed' THEN quantity ELSE 0 END AS taken,
       max(resolved) OVER (PARTITION BY item, shard, batch) + 200 AS settled,
       'stl_' || md5('settlement/' || item || '/' || shard || '/' || batch) AS settlement
FROM told;

CREATE TABLE changes AS
WITH unordered AS (
    SELECT 'sku-' || lpad((place % getvariable('items'))::VARCHAR, 5, '0') AS item,
           place // getvariable('items') AS shard, getvariable('start_ms') AS at_ms, 0 AS sort, 'adjustment' AS cause,
           'adj_' || md5('adjustment/' || place) AS cause_id, 1000000 AS gained, 0 AS holding
    FROM range(getvariable('items') * getvariable('shards')) AS told(place)
    UNION ALL
    SELECT item, shard, placed, 1, 'hold', hold_id, -quantity, quantity FROM sales
    UNION ALL
    SELECT item, shard, settled, 2, 'settlement', settlement, sum(quantity - taken), -sum(quantity) FROM sales
    GROUP BY item, shard, settled, settlement
)
SELECT *, row_number() OVER recorded AS rev, sum(gained) OVER recorded AS available, sum(holding) OVER recorded AS held,
       count(*) FILTER (gained > 0) OVER recorded AS inflow
FROM unordered
WINDOW recorded AS (PARTITION BY item, shard ORDER BY at_ms, sort, cause_id ROWS UNBOUNDED PRECEDING);

CREATE VIEW stock AS
SELECT at_ms, '{"after":{"available":' || available || ',"held":' || held || ',"inflow":' || inflow || '},"at":' || at_ms
       || ',"before":' || CASE WHEN rev = 1 THEN 'null' ELSE
          '{"available":' || available - gained || ',"held":' || held - holding || '}' END
       || ',"cause":{"actor":"key_' || md5(cause) || '","id":"' || cause_id
       || CASE WHEN rev = 1 THEN '","reason":"received' ELSE '' END || '","type":"' || cause
       || '"},"event_id":"' || item || '#berlin#' || shard || '@' || rev || '","type":"shard_changed","v":1}' AS line
FROM changes
UNION ALL
SELECT at_ms, '{"after":{"berlin":{"counts":0,"shards":' || shards || '}},"at":' || at_ms || ',"before":{"berlin":'
       || CASE WHEN rev = 1 THEN 'null' ELSE '{"counts":0,"shards":1}' END || '},"cause":{"actor":"key_admin","id":"'
       || CASE WHEN rev = 1 THEN 'adj_' ELSE 'spl_' END || md5(item || rev)
       || CASE WHEN rev = 1 THEN '","reason":"received","type":"adjustment' ELSE '","type":"split' END
       || '"},"event_id":"' || item || '#*@' || rev || '","type":"directory_changed","v":1}'
FROM (SELECT DISTINCT item, min(at_ms) OVER () AS at_ms FROM changes), (VALUES (1, 1), (2, 4)) AS told(rev, shards);

CREATE VIEW holds AS
SELECT placed AS at_ms, '{"at":' || placed || ',"event_id":"' || hold_id || '@1","set":{"actor":"key_' || md5('shop')
       || '","created":' || placed || ',"expires_at":' || placed + 900000 || ',"fingerprint":"' || md5('request/' || sale)
       || '","lines":[{"drawn":[{"quantity":' || quantity || ',"shard":' || shard || '}],"item":"' || item
       || '","quantity":' || quantity || ',"warehouse":"berlin"}],"metadata":{"order":"' || sale
       || '"},"open":"' || hash(sale) % 64 || '","status":"active"},"type":"hold_placed","v":1}' AS line FROM sales
UNION ALL
SELECT resolved, '{"at":' || resolved || ',"event_id":"' || hold_id || '@2","set":{'
       || CASE WHEN outcome = 'expired' THEN '' ELSE '"resolution":{"actor":"key_' || md5('shop') || '","fingerprint":"'
       || md5('resolve/' || sale) || '","key":"' || uuid_of || '"},' END
       || '"status":"' || outcome || '"},"type":"hold_' || outcome || '","v":1}'
FROM (SELECT *, md5('key/' || sale)::UUID::VARCHAR AS uuid_of FROM sales)
UNION ALL
SELECT settled, '{"at":' || settled || ',"event_id":"' || hold_id || '@3","set":{"settlement":"' || settlement
       || '","ttl":' || settled // 1000 + 2592000 || '},"type":"hold_settled","unset":["due","open"],"v":1}' FROM sales;

CREATE VIEW adjustments AS
SELECT at_ms, '{"at":' || at_ms || ',"event_id":"' || cause_id || '@1","set":{"actor":"key_admin","fingerprint":"'
       || md5(cause_id) || '","item":"' || item || '","metadata":{},"quantity":' || gained
       || ',"reason":"received","warehouse":"berlin"},"type":"adjustment_made","v":1}' AS line
FROM changes WHERE cause = 'adjustment';
