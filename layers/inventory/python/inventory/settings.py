"""What a function is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from inventory.domain.heat import Thresholds

_ON_AWS: Final = Thresholds()
#: The settings that are numbers, each with its highest value.
_NUMBERS: Final[Mapping[str, int]] = {
    "open_slices": 1_024,
    "history_buckets": 256,
    "snapshot_grace_s": 86_400,
    "archive_lag_s": 3_600,
    "scan_segments": 256,
    "changes_per_shard": 100_000,
    "heat_tries": 100_000,
    "cold_after_s": 604_800,
}


class SettingsInvalid(Exception):
    """The environment lacks a variable, or holds one that makes no sense: a mistake in the template."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the environment variable of the same name in capitals.

    Attributes:
        stock_table, holds_table, adjustments_table, requests_table, availability_table, api_keys_table: The tables'
            names; empty where the function has nothing to do with one.
        poison_queue_url: Where a stream's consumer sets aside what it can never handle.
        collecting_stream: The stream on which the settler passes a hot item's holds on; empty: it settles all itself.
        history_bucket: The bucket of archive, snapshots and manifests; empty where a function has no use for it.
        scratch_bucket: The bucket of what is not visible yet: all names under `partials/`.
        glue_database: The database of the history's tables.
        snapshot_machine: The ARN of the state machine that makes snapshots.
        audit_machine: The ARN of the one that audits them.
        signing_key: The id of the key that signs manifests.
        earlier_signing_keys: The ARNs of keys that signed before it, separated by commas; they are believed, too.
        trusted_manifest: The SHA-256 of the one manifest that the next commit may follow although the key that signed
            it is gone; empty for none.
        stock_at_function: The function that reads stock at an instant of the past.
        history_buckets: Into how many buckets new snapshots are cut.
        snapshot_grace_s: How many seconds ago a snapshot's instant must be.
        archive_lag_s: How many seconds a snapshot gives the archiver to bring what was read live.
        scan_segments: Into how many parts a seal reads each live table.
        open_slices: Into how many slices the index of unfinished holds is cut.
        changes_per_shard: How many changes a second of one shard are enough to split it, without any contention.
        heat_tries: How many tries of late are enough to tell how hot an item is.
        cold_after_s: For how many seconds nothing may have changed of what is merged.
        event_bus: Where events are published; empty where nothing is.
        docs_url: Where docs/errors.md can be read, or empty; answers then name no page.
    """

    stock_table: str = ""
    holds_table: str = ""
    adjustments_table: str = ""
    requests_table: str = ""
    availability_table: str = ""
    api_keys_table: str = ""
    poison_queue_url: str = ""
    collecting_stream: str = ""
    history_bucket: str = ""
    scratch_bucket: str = ""
    glue_database: str = ""
    signing_key: str = ""
    earlier_signing_keys: str = ""
    trusted_manifest: str = ""
    snapshot_machine: str = ""
    audit_machine: str = ""
    stock_at_function: str = ""
    history_buckets: int = 64
    snapshot_grace_s: int = 60
    archive_lag_s: int = 10
    scan_segments: int = 8
    open_slices: int = 64
    changes_per_shard: int = _ON_AWS.changes_per_shard
    heat_tries: int = _ON_AWS.tries
    cold_after_s: int = _ON_AWS.cold_after_ms // 1000
    event_bus: str = ""
    docs_url: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, needed: tuple[str, ...] = ()) -> Self:
        """The settings in an environment.

        Args:
            environ: The environment.
            needed: Names of fields that the function cannot do without.

        Raises:
            SettingsInvalid: Names every needed variable that is missing, or the one that cannot be read.
        """
        missing = [name.upper() for name in needed if not environ.get(name.upper())]
        if missing:
            raise SettingsInvalid(f"Environment variables missing: {', '.join(missing)}.")
        texts: dict[str, Any] = {
            field.name: environ[field.name.upper()] for field in fields(cls) if environ.get(field.name.upper())
        }
        numbers: dict[str, Any] = {
            name: _number(name, texts.pop(name), limit) for name, limit in _NUMBERS.items() if name in texts
        }
        return cls(**texts, **numbers)


def _number(name: str, text: str, limit: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= limit):
        raise SettingsInvalid(f"{name.upper()} must be a whole number from 1 to {limit}, not '{text}'.")
    return int(text)
