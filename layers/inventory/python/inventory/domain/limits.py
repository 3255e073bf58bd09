"""Every limit of the service, with its unit, in one place."""

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
WAREHOUSES_PER_ITEM_MAX: Final = 2_000  # a directory record stays far under 400 KB

# What one DynamoDB request may carry.
TRANSACTION_RECORDS_MAX: Final = 100
BATCH_GET_KEYS_MAX: Final = 100

# How long a record outlives its settlement, and a keyed request its answer (the contract promises 30 days).
KEPT_AFTER_SETTLEMENT_S: Final = 35 * 86_400

# How fresh knowledge must be.
HINT_AGE_MAX_MS: Final = 1_000
REFUSAL_AGE_MAX_MS: Final = 1_000
STOCK_AGE_MAX_MS: Final = 1_000
HINTS_KEPT_MAX: Final = 2_000

# How often something is tried before the caller is told to try again later.
ATTEMPTS_MAX: Final = 24
READ_PASSES_MAX: Final = 8
