"""The limits that a caller meets or that several parts share, each with its unit. A part's own stands in it."""

from typing import Final

# What a caller may ask for.
QUANTITY_MAX: Final = 1_000_000_000
LINES_MAX: Final = 50
LINE_QUANTITY_MAX: Final = LINES_MAX * QUANTITY_MAX  # of a hold: equal lines of a request are one of the hold's
ITEMS_PER_READ_MAX: Final = 100
# Warehouses of all of them together, each a record to read: 50 BatchGetItem take some 2 s of the 10 that the function
# has, and the answer at most 1 MB of the 6 that Lambda gives. One item alone is in fewer.
RECORDS_PER_READ_MAX: Final = 5_000
EXPIRES_IN_DEFAULT_S: Final = 900
EXPIRES_IN_MAX_S: Final = 604_800
ID_LENGTH_MAX: Final = 64
METADATA_KEYS_MAX: Final = 20
METADATA_KEY_LENGTH_MAX: Final = 40
METADATA_VALUE_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 200
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255
BODY_BYTES_MAX: Final = 262_144
PAGE_SIZE_MAX: Final = 100
PAGE_SIZE_DEFAULT: Final = 10
SHARDS_MAX: Final = 256  # of an item in one warehouse
# Snapshots and audits that callers asked for: each scans whole tables. Those by schedule, and those that follow a
# commit, come beside them.
SNAPSHOTS_AT_ONCE_MAX: Final = 4
AUDITS_AT_ONCE_MAX: Final = 4
WAREHOUSES_PER_ITEM_MAX: Final = 2_000  # a directory record stays far under 400 KB

# What one DynamoDB request may carry.
TRANSACTION_RECORDS_MAX: Final = 100
BATCH_GET_KEYS_MAX: Final = 100
DRAWS_MAX: Final = TRANSACTION_RECORDS_MAX - 1  # of one hold, and so its lines: itself is one of the records

# How long a record outlives its settlement, and a keyed request its answer (the contract promises 30 days).
KEPT_AFTER_SETTLEMENT_S: Final = 35 * 86_400

# Over how many shards an item is spread by itself, all its warehouses together. Who asks for more than there is in any
# warehouse is refused after two passes over all of them, each within REFUSAL_AGE_MAX_MS: else nobody is, and all wait,
# read and ask again. 1,024 and the directory are 11 BatchGetItem, whose answers take a function of 1 GB 11 × 33 ms of
# CPU; made 8 at a time they come in two rounds of about 8 ms: 0.4 s, so a pass has twice the time that it needs.
# (Ten warehouses of 256 are 26 BatchGetItem: 0.86 s of CPU before any answer is slow.)
SHARDS_PER_ITEM_MAX: Final = 1_024

# Up to how many shards of an item, all its warehouses together, a caller may split it: 2,048 and the directory are 21
# BatchGetItem, 0.69 s of CPU and three rounds of 8 ms, so that even then a pass ends within REFUSAL_AGE_MAX_MS.
SPLIT_SHARDS_PER_ITEM_MAX: Final = 2_048

# When a request may begin its last pass. New warehouses add a shard each, whatever there is: 2,048 and 2,000 are 41
# BatchGetItem, 1.4 s; twice that where an instance remembers other shards than there are. A pass that begins after 4 s
# ends after 7 at most, and 3 of the 10 s that the function has remain for one more call and the answer.
READS_BEGIN_WITHIN_MS: Final = 4_000
# … over one warehouse: 256 shards at most, 0.1 s. So it ends when the others do, and who has waited for other buyers
# until then is still told a shortage.
READS_OF_WAREHOUSE_BEGIN_WITHIN_MS: Final = 7_000

# How fresh knowledge must be.
HINT_AGE_MAX_MS: Final = 1_000
REFUSAL_AGE_MAX_MS: Final = 1_000
STOCK_AGE_MAX_MS: Final = 1_000
HINTS_KEPT_MAX: Final = 2_000
PASS_AGE_MAX_MS: Final = 60_000  # a strong reading is good to compare with the next one
PASSES_KEPT_MAX: Final = 200  # each of up to 256 shards and more

# What one question about the past may read: of the archive's ledger some 5 million events of the item.
PAST_BYTES_MAX: Final = 64 * 1024 * 1024
PAST_INSTANT_MAX_S: Final = 253_402_300_799  # the end of the year 9999, as instants have four digits for it

# How often something is tried before the caller is told to try again later.
ATTEMPTS_MAX: Final = 24
#: Of these so many may be refused for load. Each is sent three times, with some 1.5 s between: a caller is told within
#: the 10 s that a function has, and a database that refuses is not asked for ever.
THROTTLED_MAX: Final = 3
READ_PASSES_MAX: Final = 8
