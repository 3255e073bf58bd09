"""The second half of the story: what has happened is sealed, audited, asked about, tampered with, and found out."""

import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from demo.books import Counters
from demo.stage import Answer, Stage, Unexpected
from demo.story import Story
from inventory_cli import render
from inventory_cli.errors import ApiError
from inventory_cli.history.queries import Rows, query_called, run
from inventory_cli.target import Stack

_OK: Final = 200
_TOO_RECENT: Final = "instant_too_recent"
_GRACE_SECONDS_MAX: Final = 180
_RUN_SECONDS_MAX: Final = 300
_MOVEMENTS_SHOWN: Final = 4
_LONG_ID: Final = re.compile(r"^([a-z]+_[0-9a-f]{6})[0-9a-f]{8,}$")
_NUMBERS: Final = ("available", "held", "on_hand")


class Proof:
    """What auditors do, on the same stack, with the items of a story that has been played."""

    def __init__(self, stage: Stage, stack: Stack, story: Story) -> None:
        self._stage = stage
        self._stack = stack
        self._story = story
        self._snapshot: dict[str, Any] = {}

    @property
    def scenes(self) -> list[Callable[[], None]]:
        """The scenes in their order."""
        return [
            self.a_snapshot_is_taken,
            self.the_past_is_read,
            self.the_books_are_audited,
            self.auditors_ask_in_sql,
            self.the_archive_is_tampered_with,
        ]

    def a_snapshot_is_taken(self) -> None:
        """Sealed against the live tables, then signed."""
        self._stage.scene(
            "A snapshot is taken",
            "Every change is in the archive by now. Folded, compared with the live tables, hashed, chained and signed.",
        )
        as_of = int(time.time()) + 1
        answer = self._when_old_enough(as_of)
        self._stage.expect("asked for", _OK, answer.status)
        self._snapshot = self._finished(f"/v1/snapshots/{answer.body['id']}", "the state machine works")
        self._stage.expect("snapshot", "complete", self._snapshot["status"])
        totals = self._snapshot["totals"]
        self._stage.says(f"{totals['items']:,} items: {totals['adjusted']:,} came in, {totals['executed']:,} were sold")
        self._stage.expect(
            "[cyan]stock_conserved[/]    received - sold = on hand",
            totals["adjusted"] - totals["executed"],
            totals["on_hand"],
        )

    def the_past_is_read(self) -> None:
        """The API, as it would have answered then."""
        then, counters = self._story.remembered
        self._stage.scene(
            "The past is read", "The forgotten cart, one second after it was held: 4 units, long since given back."
        )
        seen = self._stage.get(f"/v1/stock/{self._story.cup}", {"at": str(then)}, shown=f"at {_clock(then)}")
        self._stage.expect("as of", then, seen.body["as_of"])
        self._stage.expect("counters then", counters, Counters(seen.body["available"], seen.body["held"]))
        now = self._snapshot["as_of"]
        for item in (self._story.cup, self._story.drop):
            seen = self._stage.get(f"/v1/stock/{item}", {"at": str(now)}, shown=f"at {_clock(now)}")
            live = self._stage.api.get(f"/v1/stock/{item}", {"consistent": "true"})
            self._stage.expect("the snapshot = the counters", live["on_hand"], seen.body["on_hand"])

    def the_books_are_audited(self) -> None:
        """All checks, in the stack itself."""
        self._stage.scene(
            "The books are audited", "Each event, hold and settlement against the others, and all against the tables."
        )
        answer = self._stage.post("/v1/audits", {"snapshot": self._snapshot["id"]}, shown="of this snapshot")
        self._stage.expect("asked for", _OK, answer.status)
        audit = self._finished(f"/v1/audits/{answer.body['id']}", "the audit looks at everything")
        looked_at = sum(check["looked_at"] for check in audit["checks"])
        self._stage.says(f"{len(audit['checks'])} checks looked at {looked_at:,} records")
        self._stage.expect("discrepancies", 0, audit["discrepancies"])

    def auditors_ask_in_sql(self) -> None:
        """Athena, by the questions in queries/."""
        self._stage.scene("Auditors ask in SQL", "The snapshots are tables for Athena; queries/ has the questions.")
        instant = datetime.fromtimestamp(self._snapshot["as_of"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        found = self._asked("stock_at", at=instant, item=f"%-{self._story.run}")
        table = render.grid(*(f"{name}>" if name in _NUMBERS else name for name in found.columns))
        for row in found.rows:
            table.add_row(*(cell or "" for cell in row))
        self._stage.says("[cyan]inventory query stock_at[/]")
        self._stage.table(table)
        live = [self._stage.api.get(f"/v1/stock/{item}") for item in (self._story.cup, self._story.drop)]
        for name in _NUMBERS:
            column = found.columns.index(name)
            told = sum(int(row[column] or 0) for row in found.rows)
            self._stage.expect(f"{name} = what the API says", sum(each[name] for each in live), told)
        moved = self._asked("movements", item=self._story.cup)
        movements = [dict(zip(moved.columns, map(_short, row), strict=True)) for row in moved.rows]
        self._stage.says(f"[cyan]inventory history {self._story.cup}[/], the last {_MOVEMENTS_SHOWN}:")
        of_today = [{**each, "happened_at": (each["happened_at"] or "")[11:21]} for each in movements]
        self._stage.table(render.movements(of_today[-_MOVEMENTS_SHOWN:]))
        explained = [each for each in movements if each["cause_id"] and each["actor"]]
        self._stage.expect("movements that say why, and by whom", len(movements), len(explained))

    def the_archive_is_tampered_with(self) -> None:
        """One byte, by somebody who may do anything; found, named, and put back."""
        self._stage.scene(
            "Somebody changes the past",
            "An administrator replaces an archived object by one that differs in a single byte. The bucket is "
            "versioned and locked: the true version stays beneath.",
        )
        s3, bucket = self._stack.aws.s3, self._stack.output("HistoryBucket")
        key, content = self._archived()
        damaged = bytearray(content)
        damaged[len(damaged) // 2] ^= 1
        s3.put_object(Bucket=bucket, Key=key, Body=bytes(damaged))
        try:
            self._stage.says(f"changed: {key}")
            code, proof = self._verified()
            named = [finding for check in proof["checks"] for finding in check["findings"] if finding["path"] == key]
            self._stage.expect("exit code of `inventory verify`", 6, code)
            self._stage.expect("it names the object", True, bool(named))  # noqa: FBT003 - what is expected
            self._stage.says(f"[red]{named[0]['what']}[/]")
        finally:
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        self._stage.says("put back, as a third version: what was done stays visible for as long as the lock lasts")
        versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        self._stage.expect("versions of the object", 3, len(versions))
        code, proof = self._verified()
        self._stage.expect("`inventory verify` now", (0, 0), (code, proof["discrepancies"]))

    def _when_old_enough(self, as_of: int) -> Answer:
        """The answer to asking for a snapshot, as soon as its instant is long enough ago."""
        with self._stage.busy(f"waiting until {_clock(as_of)} is long enough ago, so that no write of it is under way"):
            until = time.monotonic() + _GRACE_SECONDS_MAX
            while self._is_too_recent(as_of) and time.monotonic() < until:
                time.sleep(1)
        return self._stage.post("/v1/snapshots", {"as_of": as_of}, shown=f"as of {_clock(as_of)}")

    def _finished(self, path: str, doing: str) -> dict[str, Any]:
        """What a long piece of work came to."""
        started = time.monotonic()
        with self._stage.busy(doing):
            while (seen := self._stage.api.get(path))["status"] == "pending":
                if time.monotonic() - started > _RUN_SECONDS_MAX:
                    break
                time.sleep(0.5)
        self._stage.expect(f"{doing}, {time.monotonic() - started:.0f} s", "complete", seen["status"])
        return seen

    def _is_too_recent(self, as_of: int) -> bool:
        try:
            self._stage.api.post("/v1/snapshots", {"as_of": as_of})
        except ApiError as refusal:
            if refusal.error["code"] != _TOO_RECENT:
                raise
            return True
        return False

    def _asked(self, query: str, **values: str) -> Rows:
        """What Athena answers to one of the questions."""
        with self._stage.busy("Athena looks"):
            return run(
                self._stack.aws.athena,
                query_called(query).filled(values),
                database=self._stack.output("HistoryDatabase"),
                workgroup=self._stack.output("HistoryWorkgroup"),
                pause=time.sleep,
            )

    def _archived(self) -> tuple[str, bytes]:
        """An archived object with events of this story: its name and its bytes."""
        s3, bucket = self._stack.aws.s3, self._stack.output("HistoryBucket")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="archive/holds/"):
            for stored in page.get("Contents", []):
                content = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read()
                if self._story.cup.encode() in gzip.decompress(content):
                    return stored["Key"], content
        raise Unexpected(f"no archived hold names {self._story.cup}")

    def _verified(self) -> tuple[int, dict[str, Any]]:
        """What `inventory verify` ends with: its exit code, and what it found."""
        command = [str(Path(sys.executable).with_name("inventory")), "--json", "verify"]
        with self._stage.busy("inventory verify: copies the bucket, checks all, and makes the snapshot again"):
            ended = subprocess.run(command, capture_output=True, check=False, timeout=_RUN_SECONDS_MAX)  # noqa: S603
        if not ended.stdout:
            raise Unexpected(f"inventory verify could not look: {ended.stderr.decode(errors='replace').strip()}")
        proof: dict[str, Any] = json.loads(ended.stdout)
        return ended.returncode, proof


def _short(cell: str | None) -> str | None:
    """A cell, long ids by their beginning."""
    return None if cell is None else _LONG_ID.sub(r"\1…", cell)


def _clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")
