"""What one part of an audit found, as it lies under `partials/` until the report."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.audit.layout import link_path, result_path
from inventory.proof.chain import Link
from inventory.proof.findings import Check, Finding
from inventory.proof.ledger_parts import LedgerPart

_READS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Part:
    """The checks that a part did, and its share of the snapshot's totals."""

    checks: Sequence[Check]
    totals: Mapping[str, int] = field(default_factory=dict)


def write_part(objects: Objects, run: str, step: str, number: int, part: Part) -> None:
    """Keeps what a part found; done again, it is the same."""
    checks = [[check.name, check.looked_at, check.discrepancies, check.findings] for check in part.checks]
    content = json.dumps({"checks": checks, "totals": part.totals})
    objects.put(result_path(run, step, number), content.encode())


def read_part(objects: Objects, run: str, step: str, number: int) -> Part:
    """What a part found.

    Raises:
        NoSuchObject: It has not been done.
    """
    document = json.loads(objects.read(result_path(run, step, number)))
    checks = [
        Check(name, looked_at, discrepancies, [Finding(*each) for each in findings])
        for name, looked_at, discrepancies, findings in document["checks"]
    ]
    return Part(checks, document["totals"])


def read_parts(objects: Objects, run: str, step: str, numbers: Iterable[int]) -> Iterator[Part]:
    """What several parts of one step found, in their order; some are in memory at once, however many there are.

    Raises:
        NoSuchObject: One of them has not been done.
    """
    coming = iter(numbers)
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        while some := list(islice(coming, _READS_AT_ONCE)):
            yield from pool.map(lambda number: read_part(objects, run, step, number), some)


def write_link(objects: Objects, run: str, link: Link, tag: str) -> None:
    """Keeps what was found of a manifest by itself, when it had this tag, for whoever follows the chain."""
    objects.put(link_path(run, link.number), json.dumps([tag, link]).encode())


def read_link(objects: Objects, run: str, number: int, tag: str) -> Link | None:
    """What was found of a manifest by itself; None where it was gone then, or had another tag."""
    try:
        read, told = json.loads(objects.read(link_path(run, number)))
    except NoSuchObject:
        return None
    if read != tag:
        return None
    link = Link(*told)
    inside, signature = ([Finding(*each) for each in findings] for findings in (link.inside, link.signature))
    part = link.part and LedgerPart(*link.part)
    return link._replace(inside=inside, signature=signature, part=part)
