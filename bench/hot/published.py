"""What AWS publishes about the limits that the model keeps, each with its source; and what nobody publishes.

`DG` is the Amazon DynamoDB Developer Guide, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/, and
`LG` the AWS Lambda Developer Guide, https://docs.aws.amazon.com/lambda/latest/dg/.
"""

from typing import Final

# --- DynamoDB: partitions ---

#: DG bp-partition-key-design.html, "Best practices for designing and using partition keys effectively": every partition
#: is designed to deliver a maximum of 3,000 read units and 1,000 write units a second.
PARTITION_WRITE_UNITS: Final = 1_000
PARTITION_READ_UNITS: Final = 3_000

#: DG warm-throughput-scenarios.html, "Understanding DynamoDB warm throughput in different scenarios": a new on-demand
#: table starts with a warm throughput of 12,000 read units and 4,000 write units a second; more can be asked for ahead.
NEW_TABLE_WRITE_UNITS: Final = 4_000

#: DG ServiceQuotas.html, "Quotas in Amazon DynamoDB": 40,000 write units a second for an on-demand table by default,
#: and again for each of its indexes; adjustable.
TABLE_WRITE_UNITS_QUOTA: Final = 40_000

#: DG burst-adaptive-capacity.html, "DynamoDB burst and adaptive capacity": frequently accessed items are isolated, at
#: last one to a partition; and up to 300 s of unused capacity may be used in a burst, "even faster than" provisioned,
#: which nobody may count on: the model lets unused capacity of one second be made up for, no more. AWS Database Blog,
#: "Scaling DynamoDB: How partitions, hot keys, and split for heat impact performance", parts 1 to 3: partitions split
#: under sustained traffic near their limit, in minutes. A rush of half a minute sees none of it.
BURST_S: Final = 1.0

# --- DynamoDB: transactions ---

#: DG transaction-apis.html, "Amazon DynamoDB Transactions: How it works", Capacity management: two underlying writes of
#: every item, one to prepare the transaction and one to commit it.
PREPARE_AND_COMMIT: Final = 2

#: The same page, Transaction conflict handling: a transaction is cancelled where another is under way on one of its
#: items (TransactionCanceledException), a single write is refused (TransactionConflictException), a read never is.
#: Idziorek et al., "Distributed Transactions at Scale in Amazon DynamoDB", USENIX ATC 2023: an item is kept from its
#: prepare to its commit. What a cancelled transaction had prepared is paid for: one write of each item.
PREPARED: Final = 1

# --- DynamoDB: streams, and Lambda's polling of them ---

#: LG with-ddb.html, "Using AWS Lambda with Amazon DynamoDB": shards are polled 4 times a second; where there are
#: records, the function is invoked and its result waited for, and polling goes on. One batch at a time for each shard
#: and unit of the parallelization factor, keys spread over them. Batch size, window and factor are the template's.
POLLS_PER_SECOND: Final = 4

# --- Kinesis, and Lambda's polling of it ---

#: Amazon Kinesis Data Streams Developer Guide, https://docs.aws.amazon.com/streams/latest/dev/,
#: service-sizes-and-limits.html, "Quotas and limits": a shard takes 1,000 records and 1 MB a second.
#: how-do-i-size-a-stream.html, "Choose the right mode for your stream": an on-demand stream begins with 4 MB and
#: 4,000 records a second, so four shards' worth, and grows to twice the highest peak of its last 30 days.
KINESIS_RECORDS_PER_SECOND: Final = 1_000
KINESIS_BYTES_PER_SECOND: Final = 1_000_000
KINESIS_SHARDS_AT_FIRST: Final = 4

#: LG with-kinesis.html, "How Lambda processes records from Amazon Kinesis Data Streams": shards are polled once a
#: second; records of one partition key go to one batch at a time, whatever the parallelization factor.
KINESIS_POLLS_PER_SECOND: Final = 1

# --- Lambda ---

#: LG scaling-behavior.html, "Lambda scaling behavior": 1,000 more instances every 10 s for each function, refilled
#: continuously, not accrued. An instance handles one request at a time.
INSTANCES_STARTED_PER_SECOND: Final = 100
INSTANCES_STARTED_AT_ONCE: Final = 1_000

# --- The SDK ---

#: botocore 1.40, botocore/retries/standard.py: what is refused for load is tried again after a random part of 1 s, then
#: of 2 s; https://docs.aws.amazon.com/boto3/latest/guide/retries.html, standard mode. A cancelled transaction is not.
SDK_BACKOFF_S: Final = 1.0

# --- Not published: swept, or assumed and said ---

#: How long a transaction keeps its items, in ms: shown as a range.
KEPT_MS: Final = (2.0, 8.0, 12.0)
KEPT_USUALLY_MS: Final = 8.0

#: The way of a call to DynamoDB and back with a read or a single write, without waiting: "single-digit milliseconds"
#: (DG Introduction.html). The median of a log-normal distribution; its sigma makes the 99.9th percentile about four
#: times as long.
CALL_MS: Final = 3.0
CALL_SIGMA: Final = 0.45

#: A PutRecords request and its answer: assumed; it is written to three places before it is answered.
PUT_RECORDS_MS: Final = 10.0

#: A function's own work for one request: docs/performance.md has 0.7 ms of CPU for a place.
OWN_MS: Final = 1.0
#: From an invocation without a free instance to the first line of the handler.
COLD_START_MS: Final = 450.0
#: A clock of AWS's machines is this exact.
CLOCK_SKEW_MS: Final = 5
