"""Runs: snapshots and audits as those see them who ask for them. Each is under way, done, or has failed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inventory.domain.clock import Milliseconds

#: How often a snapshot that fails is begun anew before somebody has to look.
TRIES_MAX: Final = 20

_NAME_OF_OURS = re.compile(r"[A-Z][A-Za-z]{2,63}")


class RunStatus(StrEnum):
    """How a run stands."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a stable, machine-readable name, and a sentence for a person."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ManifestName:
    """Which manifest seals a snapshot: its place in the chain, and the SHA-256 of its file."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was where at an instant.

    Attributes:
        id: One for each instant.
        status: How it stands.
        as_of: Its instant.
        created: When its run began; once it is complete, when it was published.
        totals: Sums over all of it, by name; None before it is complete.
        manifest: What seals it; None before it is complete.
        failure: Why it failed, if it did.
    """

    id: str
    status: RunStatus
    as_of: Milliseconds
    created: Milliseconds
    totals: Mapping[str, int] | None = None
    manifest: ManifestName | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of an audit: how many records it looked at, and how many discrepancies it found."""

    name: str
    looked_at: int
    discrepancies: int


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit of a snapshot.

    Attributes:
        id: Its id.
        status: How it stands.
        snapshot: The id of the snapshot.
        created: When it was asked for.
        checks: What was checked; empty before it is complete.
        discrepancies: How many were found; None before it is complete.
        failure: Why it failed, if it did.
    """

    id: str
    status: RunStatus
    snapshot: str
    created: Milliseconds
    checks: tuple[CheckResult, ...] = ()
    discrepancies: int | None = None
    failure: Failure | None = None


def failure_called(error: str, cause: str) -> Failure:
    """The failure that a workflow ended with.

    Only a name that the workflow gives itself is passed on with its cause: whatever else broke may name what is
    nobody's business.

    Args:
        error: The error's name: ``SnapshotIncomplete``, or one of the platform's, like ``States.Runtime``.
        cause: What the workflow says to it.
    """
    if _NAME_OF_OURS.fullmatch(error) is None:
        return Failure("internal", "The workflow broke off.")
    return Failure(re.sub(r"(?<!^)(?=[A-Z])", "_", error).lower(), cause)
