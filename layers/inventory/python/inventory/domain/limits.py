"""The limits that a caller meets or that several parts share, each with its unit. A part's own stands in it."""

from typing import Final

# What a caller may ask for.
QUANTITY_MAX: Final = 1_000_000_000
LINES_MAX: Final = 50
ITEMS_PER_READ_MAX: Final = 100
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
SHARDS_MAX: Final = 256
SNAPSHOTS_AT_ONCE_MAX: Final = 4  # that callers asked for: each scans whole tables; those by schedule come beside them
WAREHOUSES_PER_ITEM_MAX: Final = 2_000  # a directory record stays far under 400 KB

# What one DynamoDB request may carry.
TRANSACTION_RECORDS_MAX: Final = 100
BATCH_GET_KEYS_MAX: Final = 100
DRAWS_MAX: Final = TRANSACTION_RECORDS_MAX - 1  # of one hold, and so its lines: itself is one of the records

# How long a record outlives its settlement, and a keyed request its answer (the contract promises 30 days).
KEPT_AFTER_SETTLEMENT_S: Final = 35 * 86_400

# How fresh knowledge must be.
HINT_AGE_MAX_MS: Final = 1_000
REFUSAL_AGE_MAX_MS: Final = 1_000
STOCK_AGE_MAX_MS: Final = 1_000
SHED_AGE_MAX_MS: Final = 500
HINTS_KEPT_MAX: Final = 2_000
PASS_AGE_MAX_MS: Final = 60_000  # a strong reading is good to compare with the next one
PASSES_KEPT_MAX: Final = 200  # each of up to 256 shards and more
HOLDS_PER_SHARD_S: Final = 100  # what one shard takes at most, about: a transaction keeps its record for some 10 ms
HOLDS_WHILE_HINTED: Final = 2 * HOLDS_PER_SHARD_S  # a hint may be two seconds behind
PROJECTED_WITHIN_MS: Final = 1_000  # how far the projection lags; more in a rush

# What one question about the past may read: of the archive's ledger some 5 million events of the item.
PAST_BYTES_MAX: Final = 64 * 1024 * 1024
PAST_INSTANT_MAX_S: Final = 253_402_300_799  # the end of the year 9999, as instants have four digits for it

# How often something is tried before the caller is told to try again later.
ATTEMPTS_MAX: Final = 24
SETTLING_ROUNDS_MAX: Final = 64
READ_PASSES_MAX: Final = 8

# Fewer holds of a hot item's shard than this wait for others (domain/collecting.py): a transaction with so many costs
# 3.1 write units a hold, one with 99 of them 3.02.
SETTLED_AT_ONCE_MIN: Final = 25

# When an item is counted on more shards, and on fewer again (domain/heat.py). A partition of DynamoDB takes 1,000
# write units a second (Amazon DynamoDB Developer Guide, "Best practices for designing and using partition keys
# effectively"), and a write within a transaction takes two ("Amazon DynamoDB Transactions: How it works"): 500
# changes a second of one shard at most. How long a transaction keeps a record nobody publishes: about 2 to 12 ms, so
# that tries begin to fail at some 20 to 100 a second. That is not guessed at: the failed tries themselves tell.
HEAT_DECAY_MS: Final = 2_000  # what is this old counts 1/e: seconds, so that a rush is met within seconds
HEAT_TRIES_MIN: Final = 40  # decayed tries: fewer prove nothing
HOPS_PER_CHANGE_MAX: Final = 0.25  # of five tries one fails: a fifth of the time a shard is kept by somebody
CHANGES_PER_SHARD_MAX: Final = 250  # a second: half of what a partition takes
TRIES_PER_SHARD_MIN: Final = 2  # a second: a shard asked less often has time to spare, whatever the rush will be
UNITS_PER_SHARD_MIN: Final = 16  # finer, the last units are harder to find than buyers are to keep apart
LEVELED_MEAN_MIN: Final = 32  # units on the average shard: with fewer there is little to level
REBALANCED_EVERY_MS: Final = 1_000  # of one item in one warehouse
REBALANCED_WITHIN_MS: Final = 1_000  # of one batch of the stream: what is not done by then the next one goes on with
HEAT_AGE_MAX_MS: Final = 60_000  # a rush that was this long ago is over
SELLING_AGE_MAX_MS: Final = 10_000  # what was sold this lately may be sold from right now
COLD_AFTER_MS: Final = 3_600_000  # without any change shards are merged; and so long after a try that left some
