"""The steps of the snapshot's state machine (statemachines/snapshot.asl.json): small words in, small words out.

Each can be done again, any number of times, and does the same.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from inventory.adapters.objects import Objects
from inventory.adapters.workplace import workplace
from inventory.domain.clock import AHEAD_MAX_MS, Milliseconds
from inventory.domain.events import Source
from inventory.history.layout import latest_possible, snapshot_id, stamp_of
from inventory.history.map_task import run_map_task
from inventory.history.plan import InstantLost, Mode, NotAnOpening, Opening, check_instant, make_plan, read_plan
from inventory.history.reduce import reduce_holds, reduce_items
from inventory.history.scan import Reading, Segment, live_folder, scan_segment, segments, segments_path, whole_folder
from inventory.history.seal import compare_bucket, compared_folder, find_incomplete
from inventory.history.standing import Opened, latest_buckets, openings, standing_of

Words = Mapping[str, Any]

#: How far ahead of the clock a record's `at` can be, and some.
_READ_AHEAD_S: Final = AHEAD_MAX_MS // 1000 + 5


@dataclass(frozen=True, slots=True)
class SnapshotSteps:
    """The steps that begin, plan, map, reduce and seal a snapshot, and those that open a history.

    Attributes:
        objects: The history's bucket.
        now: Milliseconds since 1970.
        grace_ms: How long ago an instant must be.
        buckets: Into how many buckets new snapshots are cut.
        scan_segments: Into how many parts each live table is read.
        archive_lag_s: How many seconds the archiver is given to bring what was read live.
    """

    objects: Objects
    now: Callable[[], Milliseconds]
    grace_ms: Milliseconds
    buckets: int
    scan_segments: int
    archive_lag_s: int

    def run(self, words: Words) -> dict[str, Any]:
        """Does the step that the words name.

        Raises:
            KeyError: There is no such step.
        """
        steps: dict[str, Callable[[Words], dict[str, Any]]] = {
            "open": self._open,
            "begin": self._begin,
            "plan": self._plan,
            "map": self._map,
            "reduce_holds": self._reduce_holds,
            "reduce_items": self._reduce_items,
            "seal_bucket": self._seal_bucket,
            "seal": self._seal,
        }
        return steps[words["step"]](words)

    def _open(self, words: Words) -> dict[str, Any]:
        """Begins an opening snapshot: settles where the live tables are read to, whole, and how long to wait after it.

        Input: `reason` and `actor`. No other step asks for them, and no schedule and no request has them.

        Raises:
            NotAnOpening: Nobody says why.
        """
        reason, actor = (str(words.get(name) or "").strip() for name in ("reason", "actor"))
        if not reason or not actor:
            raise NotAnOpening("an opening snapshot needs a reason, and someone who answers for it")
        now_ms = self.now()
        read = whole_folder(now_ms)
        return {
            "reason": reason,
            "actor": actor,
            "read": read,
            "read_from_ms": now_ms - self.grace_ms,
            "list": self._segments(read, self._buckets()),
            "wait_s": self.grace_ms // 1000 + _READ_AHEAD_S,
        }

    def _begin(self, words: Words) -> dict[str, Any]:
        """Settles what holds for the whole execution, however often it plans.

        Input: `as_of_ms`, or null for the latest possible multiple of `align_ms`; `mode`; `opening`, what `open` gave,
        or null.

        Raises:
            InstantTooRecent: The instant is less than the grace ago.
            ValueError: It is no whole second.
            InstantLost: It is of a time that an opening snapshot has given up.
            NotAnOpening: It is one without having been opened, or the other way round.
        """
        mode = Mode(words["mode"])
        opening = words.get("opening") or None  # the state machine says {} for none
        if (opening is not None) != (mode is Mode.OPENING):
            raise NotAnOpening("a history is opened by the mode of this name, and by no other")
        now_ms = self.now()
        as_of_ms = self._instant(words, now_ms)
        opened = openings(self.objects)
        _refuse_lost(opened, as_of_ms)
        standing = standing_of(self.objects, as_of_ms)
        live, buckets = live_folder(as_of_ms, now_ms), self._buckets(opened)
        if not standing.sealed:
            self._segments(live, buckets)
        is_opening = any(each.as_of_ms == as_of_ms for each in opened)  # it begins with nothing that is kept
        return {
            "as_of_ms": as_of_ms,
            "mode": mode,
            "opening": opening,
            "buckets": buckets,
            "live": live,
            "snapshot": snapshot_id(as_of_ms),
            "done": standing.exists is not None and (mode is Mode.INCREMENT or is_opening),
            "scan": not standing.sealed,
            "lists": {"scan": segments_path(live)},
            "archive_lag_s": self.archive_lag_s,
            "attempt": 0,
        }

    def _instant(self, words: Words, now_ms: Milliseconds) -> Milliseconds:
        as_of_ms: Milliseconds | None = words.get("as_of_ms")
        if as_of_ms is None:
            as_of_ms = latest_possible(now_ms, self.grace_ms, words.get("align_ms", 1000))
        check_instant(as_of_ms, now_ms, self.grace_ms)
        return as_of_ms

    def _buckets(self, opened: Sequence[Opened] | None = None) -> int:
        """Into how many buckets a new snapshot is cut.

        After an opening there is no first event to begin from where the number was changed, so it stays what it was;
        and an opening is held against the snapshot before, whose number it takes.
        """
        if opened is None:
            return latest_buckets(self.objects) or self.buckets
        return opened[-1].buckets if opened else self.buckets

    def _segments(self, folder: str, buckets: int) -> str:
        entries = [{"live": folder, "buckets": buckets, **asdict(each)} for each in segments(self.scan_segments)]
        self.objects.put(segments_path(folder), json.dumps(entries).encode())
        return segments_path(folder)

    def _plan(self, words: Words) -> dict[str, Any]:
        """Input: what `begin` settled, and the `attempt` that came before."""
        opened = words.get("opening")
        opening = opened and Opening(
            reason=opened["reason"],
            actor=opened["actor"],
            read=opened["read"],
            read_from_ms=opened["read_from_ms"],
        )
        plan = make_plan(
            self.objects,
            as_of_ms=words["as_of_ms"],
            mode=Mode(words["mode"]),
            now_ms=self.now(),
            buckets=words["buckets"],
            opening=opening,
        )
        buckets = [{"bucket": bucket} for bucket in range(plan.buckets)]
        lists: dict[str, list[dict[str, Any]]] = {
            "map": [{"task": index} for index in range(len(plan.tasks))],
            "reduce": buckets,
            "seal": [{"live": words["live"], **bucket} for bucket in buckets],
        }
        paths = {name: f"{plan.run}{name}.json" for name in ("map", "reduce")}
        paths["seal"] = f"{compared_folder(plan, words['live'])}buckets.json"
        self.objects.put(f"{plan.run}plan.json", plan.to_json())
        for name, items in lists.items():
            entries = [{"run": plan.run, **item} for item in items]
            self.objects.put(paths[name], json.dumps(entries).encode())
        settled = ("as_of_ms", "mode", "opening", "buckets", "live", "snapshot", "archive_lag_s")
        return {name: words[name] for name in settled} | {
            "run": plan.run,
            "done": plan.done,
            "tasks": len(plan.tasks),
            "lists": paths,
            "attempt": words["attempt"] + 1,
        }

    def _map(self, words: Words) -> dict[str, Any]:
        plan = read_plan(self.objects, words["run"])
        with workplace() as work:
            run_map_task(self.objects, plan, plan.tasks[words["task"]], work)
        return {}

    def _reduce_holds(self, words: Words) -> dict[str, Any]:
        with workplace() as work:
            reduce_holds(self.objects, read_plan(self.objects, words["run"]), words["bucket"], work)
        return {}

    def _reduce_items(self, words: Words) -> dict[str, Any]:
        with workplace() as work:
            reduce_items(self.objects, read_plan(self.objects, words["run"]), words["bucket"], work)
        return {}

    def _seal_bucket(self, words: Words) -> dict[str, Any]:
        with workplace() as work:
            plan = read_plan(self.objects, words["run"])
            compare_bucket(self.objects, plan, words["live"], words["bucket"], work)
        return {}

    def _seal(self, words: Words) -> dict[str, Any]:
        found = find_incomplete(self.objects, read_plan(self.objects, words["run"]), words["live"])
        return {"complete": not found, "incomplete": [asdict(each) for each in found]}


def _refuse_lost(opened: Sequence[Opened], as_of_ms: Milliseconds) -> None:
    for each in opened:
        if each.lost(as_of_ms):
            raise InstantLost(f"nothing is proved between {stamp_of(each.since_ms)} and {stamp_of(each.as_of_ms)}")


def scan(objects: Objects, client: Any, tables: Mapping[Source, str], words: Words) -> dict[str, Any]:
    """Reads one segment of a live table."""
    segment = Segment(Source(words["source"]), words["number"], words["of"])
    with workplace() as work:
        reading = Reading(words["live"], words["buckets"], segment, whole=bool(words.get("whole")))
        return {"records": scan_segment(objects, client, tables[segment.source], reading, work)}
