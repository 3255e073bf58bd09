"""The one place where the parts are put together, from the settings of a function."""

import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
import botocore
from botocore.config import Config

from inventory.adapters.announcements import EventBus, counting_losses
from inventory.adapters.aside import AsideQueue
from inventory.adapters.collecting import CollectingStream, PassOn
from inventory.adapters.executions import StepFunctionsMachine
from inventory.adapters.in_time import sent_in_time
from inventory.adapters.objects import S3Objects
from inventory.adapters.past import AskedPast
from inventory.domain.clock import Elapsed, HybridClock
from inventory.domain.events import Source
from inventory.domain.heat import Thresholds
from inventory.domain.limits import HINTS_KEPT_MAX, PASS_AGE_MAX_MS, PASSES_KEPT_MAX, STOCK_AGE_MAX_MS
from inventory.history.layout import PARTIALS
from inventory.pipeline.stream import SetAside
from inventory.protocol.core import Announce, Core, Report
from inventory.protocol.hints import Hints, Refusals
from inventory.protocol.shedding import Shed
from inventory.protocol.ttl_cache import TtlCache
from inventory.runs.context import HistoryContext
from inventory.settings import Settings
from inventory.storage.at_once import together_on
from inventory.storage.database import Database
from inventory.storage.tables import Tables
from inventory.telemetry import report, report_check

if TYPE_CHECKING:
    # DuckDB stays off the API's path
    from inventory.audit.report import Reporter
    from inventory.audit.steps import Auditor
    from inventory.domain.keys import ApiKey
    from inventory.history.commit import Publisher
    from inventory.history.past import Past
    from inventory.history.steps import SnapshotSteps

#: Reads the segment of a live table that the words name, and tells how many records it has.
Scan = Callable[[Mapping[str, Any]], dict[str, Any]]

#: botocore makes a longer one anew, twice for each call: a tenth of all the CPU that a place takes.
USER_AGENT = f"inventory Botocore/{botocore.__version__}"

#: A call that is not answered within 2 s is tried again, twice. The last try comes some 6 s after the first (twice 1 s
#: to connect and 2 s to wait), and up to 3 s later where the client waits in between; `sent_in_time` stops late ones.
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=10,
    tcp_keepalive=True,
    parameter_validation=False,
    user_agent=USER_AGENT,
)

#: A reading of many parts makes so many calls at a time: fewer than there are connections.
READS_AT_ONCE = 8

#: A segment of a table is read for minutes, a page at a time, beside sales that come first. A page that is refused for
#: load is waited for: else the whole segment would have to be read, and paid for, again.
SCAN_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 12},
    tcp_keepalive=True,
    parameter_validation=False,
    user_agent=USER_AGENT,
)

#: Two tries of a second each. What the settler passes on must not cost it its time: it settles itself what the stream
#: does not take in 5 s. And that a key could not be checked must be said before the authorizer's own timeout.
BRIEF_CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    parameter_validation=False,
    user_agent=USER_AGENT,
)

#: An event is told once, or lost.
EVENTS_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False
)

#: Objects may be some 64 MB large; nobody waits for them.
OBJECTS_CONFIG = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    parameter_validation=False,
)

#: A caller waits for what these read: the function has 8 s, of which reading takes a few small requests.
PAST_OBJECTS_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=4,
    parameter_validation=False,
)

#: The answer must come within the 10 s that the asking function has. Asked once: the caller may ask again.
ASK_CONFIG = Config(connect_timeout=1, read_timeout=8.5, retries={"mode": "standard", "total_max_attempts": 1})


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


def uptime_ms() -> int:
    """Milliseconds since some start, whatever the clock is set to."""
    return time.monotonic_ns() // 1_000_000


def core_from(settings: Settings, *, client: Any = None, count: Report = report) -> Core:
    """The service on the tables that the settings name."""
    core = core_with(
        client or sent_in_time(boto3.client("dynamodb", config=CLIENT_CONFIG), now_ms),
        Tables(
            stock=settings.stock_table,
            holds=settings.holds_table,
            adjustments=settings.adjustments_table,
            requests=settings.requests_table,
            availability=settings.availability_table,
        ),
        open_slices=settings.open_slices,
        report=count,
    )
    thresholds = Thresholds(
        changes_per_shard=settings.changes_per_shard,
        tries=settings.heat_tries,
        cold_after_ms=settings.cold_after_s * 1000,
    )
    return replace(
        core,
        thresholds=thresholds,
        at_once=together_on(ThreadPoolExecutor(READS_AT_ONCE)),  # which starts no thread before the first reading
        announce=_announce_on(settings.event_bus) if settings.event_bus else core.announce,
        read_past=_past_of(settings.stock_at_function) if settings.stock_at_function else core.read_past,
    )


def _announce_on(event_bus: str) -> Announce:
    return counting_losses(EventBus(boto3.client("events", config=EVENTS_CONFIG), event_bus))


def _past_of(function: str) -> AskedPast:
    return AskedPast(cache(lambda: boto3.client("lambda", config=ASK_CONFIG)), function)


def core_with(
    client: Any,
    tables: Tables,
    *,
    open_slices: int,
    report: Report,
    now: Callable[[], int] = now_ms,
    uptime: Callable[[], int] = uptime_ms,
    pause: Callable[[float], None] = time.sleep,
    new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
) -> Core:
    """The service over any client, clock and source of ids.

    The clock measures itself against the database by reading a record that cannot be, before the first write.
    """
    database = Database(client, now, pause)

    def measure() -> None:
        database.get(tables.directory("-"))

    elapsed = Elapsed(now, uptime)
    clock = HybridClock(now, measure, elapsed)
    database.observe = clock.observe
    return Core(
        database=database,
        clock=clock,
        tables=tables,
        open_slices=open_slices,
        hints=Hints(elapsed),
        refusals=Refusals(elapsed),
        shed=Shed(elapsed),
        stocks=TtlCache(elapsed, STOCK_AGE_MAX_MS, HINTS_KEPT_MAX),
        passes=TtlCache(elapsed, PASS_AGE_MAX_MS, PASSES_KEPT_MAX),
        new_uuid=new_uuid,
        pause=pause,
        report=report,
    )


def keys_from(settings: Settings) -> "Callable[[str], ApiKey | None]":
    """How the authorizer looks a key up: by its hash, in a call that a caller waits for."""
    from inventory.storage.key_records import find_key

    database = Database(boto3.client("dynamodb", config=BRIEF_CONFIG), now_ms, time.sleep)
    return partial(find_key, database, settings.api_keys_table)


def aside_on(queue_url: str) -> SetAside:
    """The queue on which a stream's consumer sets records aside."""
    return AsideQueue(boto3.client("sqs", config=CLIENT_CONFIG), queue_url, Elapsed(now_ms, uptime_ms)).set_aside


def collecting_on(settings: Settings) -> PassOn | None:
    """The stream on which a hot item's resolved holds are passed on; None where there is none."""
    if not settings.collecting_stream:
        return None
    client = boto3.client("kinesis", config=BRIEF_CONFIG)
    return CollectingStream(client, settings.collecting_stream, Elapsed(now_ms, uptime_ms)).pass_on


def objects_from(settings: Settings, *, client: Any = None) -> S3Objects:
    """The history's bucket; and that of what is not visible yet, for a function that has to do with such things."""
    elsewhere = {PARTIALS: settings.scratch_bucket} if settings.scratch_bucket else {}
    return S3Objects(client or boto3.client("s3", config=OBJECTS_CONFIG), settings.history_bucket, elsewhere)


def archived_tables(settings: Settings) -> dict[Source, str]:
    """The names of the tables whose streams are archived, and which are read whole."""
    return {
        Source.STOCK: settings.stock_table,
        Source.HOLDS: settings.holds_table,
        Source.ADJUSTMENTS: settings.adjustments_table,
    }


def history_context_from(settings: Settings) -> HistoryContext:
    """What asking for snapshots and audits works with. A caller waits: its timeouts are those of the tables."""
    machines = boto3.client("stepfunctions", config=CLIENT_CONFIG)
    return HistoryContext(
        core=core_from(settings),
        objects=objects_from(settings, client=boto3.client("s3", config=CLIENT_CONFIG)),
        snapshots=StepFunctionsMachine(machines, settings.snapshot_machine),
        audits=StepFunctionsMachine(machines, settings.audit_machine),
        grace_ms=settings.snapshot_grace_s * 1000,
    )


def snapshot_steps_from(settings: Settings) -> "SnapshotSteps":
    """What a snapshot's steps work with."""
    from inventory.history.steps import SnapshotSteps

    return SnapshotSteps(
        objects=objects_from(settings),
        now=now_ms,
        grace_ms=settings.snapshot_grace_s * 1000,
        buckets=settings.history_buckets,
        scan_segments=settings.scan_segments,
        archive_lag_s=settings.archive_lag_s,
    )


def snapshot_scan_from(settings: Settings) -> Scan:
    """How a snapshot reads one segment of a live table."""
    from inventory.history.steps import scan

    return partial(
        scan, objects_from(settings), boto3.client("dynamodb", config=SCAN_CONFIG), archived_tables(settings)
    )


def publisher_from(settings: Settings) -> "Publisher":
    """What makes snapshots visible."""
    from inventory.adapters.catalogue import GlueCatalogue
    from inventory.adapters.signing import KmsSigner, KmsVerifier
    from inventory.history.commit import Publisher

    kms = boto3.client("kms", config=OBJECTS_CONFIG)
    return Publisher(
        objects=objects_from(settings),
        signer=KmsSigner(kms, settings.signing_key),
        verifier=KmsVerifier(kms, _trusted_keys(settings)),
        catalogue=GlueCatalogue(boto3.client("glue", config=OBJECTS_CONFIG), settings.glue_database),
        audits=StepFunctionsMachine(boto3.client("stepfunctions", config=OBJECTS_CONFIG), settings.audit_machine),
        now=now_ms,
        trusted_head=settings.trusted_manifest,
    )


def audit_scan_from(settings: Settings) -> Scan:
    """How an audit reads one segment of a live table."""
    from inventory.audit.scan import scan

    return partial(
        scan, objects_from(settings), boto3.client("dynamodb", config=SCAN_CONFIG), archived_tables(settings)
    )


def auditor_from(settings: Settings) -> "Auditor":
    """What an audit's steps work with."""
    from inventory.adapters.signing import KmsVerifier
    from inventory.audit.steps import Auditor

    return Auditor(
        objects=objects_from(settings),
        now=now_ms,
        verifier=KmsVerifier(boto3.client("kms", config=OBJECTS_CONFIG), _trusted_keys(settings)),
        scan_segments=settings.scan_segments,
    )


def _trusted_keys(settings: Settings) -> list[str]:
    """Whose signatures of manifests count: the key that signs now, and those that did before."""
    return [settings.signing_key, *filter(None, settings.earlier_signing_keys.split(","))]


def reporter_from(settings: Settings) -> "Reporter":
    """What an audit's report is made with."""
    from inventory.adapters.catalogue import GlueCatalogue
    from inventory.audit.report import Reporter

    return Reporter(
        objects=objects_from(settings),
        catalogue=GlueCatalogue(boto3.client("glue", config=OBJECTS_CONFIG), settings.glue_database),
        announce=EventBus(boto3.client("events", config=OBJECTS_CONFIG), settings.event_bus).announce,
        count=report_check,
    )


def past_from(settings: Settings) -> "Past":
    """The published history, for the one function that reads it."""
    from inventory.history.past import Past

    return Past(objects_from(settings, client=boto3.client("s3", config=PAST_OBJECTS_CONFIG)))
