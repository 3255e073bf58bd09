"""Get, batch get, query and scan. All read what is there now; a `Replica` answers with what was."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .capacity import Meter
from .conditions import And, BeginsWith, Between, Compare, Condition, check_filter, parse_condition
from .errors import Refused, invalid
from .expressions import Clauses, PathOperand, ValueOperand, Values, parse_projection
from .paths import Path, projected
from .tables import Key, Place, Table, Tables, View
from .values import Item, Scalar, Value, canonical_item, copied_item, item_bytes, scalar

BATCH_KEYS_MAX = 100
BATCH_BYTES_MAX = 16 * 1024 * 1024
PAGE_BYTES_MAX = 1024 * 1024
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Unprocessed = Callable[[str, dict[str, Any]], bool]


class _Read(NamedTuple):
    """What a request reads of each item."""

    table: Table
    paths: tuple[Path, ...] | None
    consistent: bool

    def item(self, key: Key, meter: Meter, *, transactional: bool = False) -> Item | None:
        item = self.table.items.get(key)
        size = item_bytes(item) if item else 0
        meter.read(self.table.primary, size, consistent=self.consistent, transactional=transactional)
        return None if item is None else _shown(item, self.paths)


def _shown(item: Item, paths: Sequence[Path] | None) -> Item:
    return copied_item(item if paths is None else projected(item, paths))


def _read(tables: Tables, request: Mapping[str, Any]) -> _Read:
    clauses = Clauses(request)
    paths = clauses.read("ProjectionExpression", parse_projection)
    clauses.finish()
    return _Read(tables[request["TableName"]], paths, request.get("ConsistentRead", False))


class Reads:
    """The operations that read.

    Args:
        tables: The tables.
        unprocessed: Says for a table's name and a requested key whether a batch get leaves that key for later.
    """

    def __init__(self, tables: Tables, unprocessed: Unprocessed) -> None:
        self._tables = tables
        self._unprocessed = unprocessed

    def get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetItem."""
        meter, read = Meter(request), _read(self._tables, request)
        item = read.item(read.table.key(canonical_item(request["Key"])), meter)
        return {**({} if item is None else {"Item": item}), **meter.one()}

    def batch_get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """BatchGetItem: up to 100 keys and 16 MB."""
        wanted, meter = request["RequestItems"], Meter(request)
        if not wanted:
            raise invalid("BatchGetItem must have some requests set")
        if sum(len(of_table["Keys"]) for of_table in wanted.values()) > BATCH_KEYS_MAX:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, Any] = {}
        left = BATCH_BYTES_MAX
        for name, of_table in wanted.items():
            read = _read(self._tables, {**of_table, "TableName": name})
            keys = [read.table.key(canonical_item(key)) for key in of_table["Keys"]]
            if len(set(keys)) < len(keys):
                raise invalid("Provided list of item keys contains duplicates")
            found = responses.setdefault(name, [])
            for requested, key in zip(of_table["Keys"], keys, strict=True):
                if left <= 0 or self._unprocessed(name, requested):
                    unprocessed.setdefault(name, {**of_table, "Keys": []})["Keys"].append(requested)
                    continue
                item = read.item(key, meter)
                if item is not None:
                    found.append(item)
                    left -= item_bytes(item)
        return {"Responses": responses, "UnprocessedKeys": unprocessed, **meter.many()}

    def transact_get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """TransactGetItems: up to 100 keys at one instant."""
        entries, meter = [entry["Get"] for entry in request["TransactItems"]], Meter(request)
        if len(entries) > BATCH_KEYS_MAX:
            raise invalid(f"Member must have length less than or equal to {BATCH_KEYS_MAX}")
        reads = [(read := _read(self._tables, get), read.table.key(canonical_item(get["Key"]))) for get in entries]
        if len({(read.table.name, key) for read, key in reads}) < len(reads):
            raise invalid("Transaction request cannot include multiple operations on one item")
        items = [read.item(key, meter, transactional=True) for read, key in reads]
        return {"Responses": [{} if item is None else {"Item": item} for item in items], **meter.many("Read")}

    def query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Query on the table or an index."""
        view, clauses = self._view(request), Clauses(request)
        condition = clauses.read("KeyConditionExpression", parse_condition)
        if condition is None:
            raise invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
            )
        page = _Page(request, view, clauses)
        check_filter(page.filter, view.key_names)
        terms = _terms(view, condition, clauses.values)
        bounds = _bounds(view, terms)
        start = page.start
        if start and start[1] != terms[view.hash_name].operands[0]:
            raise invalid("The provided starting key is outside query boundaries based on provided conditions")
        return page.answer(bounds, forward=request.get("ScanIndexForward", True))

    def scan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Scan of the table or an index, all of it or one segment."""
        segment, total = request.get("Segment"), request.get("TotalSegments")
        if (segment is None) != (total is None):
            raise invalid("The Segment and TotalSegments parameters must be given together")
        if segment is not None and segment >= total:
            raise invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments")
        view = self._view(request)
        page = _Page(request, view, Clauses(request))
        return page.answer(view.segment(segment or 0, total or 1), forward=True)

    def _view(self, request: Mapping[str, Any]) -> View:
        view = self._tables[request["TableName"]].view(request.get("IndexName"))
        if view.name and request.get("ConsistentRead"):
            raise invalid("Consistent reads are not supported on global secondary indexes")
        return view


class _Page:
    """One page of a query or scan: what it keeps of the items that it walks over, and where it stops."""

    def __init__(self, request: Mapping[str, Any], view: View, clauses: Clauses) -> None:
        self.filter = clauses.read("FilterExpression", parse_condition)
        self._paths = clauses.read("ProjectionExpression", parse_projection)
        clauses.finish()
        self._request = request
        self._view = view
        self._values = clauses.values
        self._key_names = sorted(view.key_names | {*view.table.key_names})
        self._counts_only = request.get("Select") == "COUNT"
        self._check_attributes()
        self.start = self._start()

    def _check_attributes(self) -> None:
        held = self._view.included
        if held is None:
            return
        if self._request.get("Select") == "ALL_ATTRIBUTES":
            raise invalid(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
                f"secondary index {self._view.name} because its projection type is not ALL"
            )
        missing = [path[0] for path in self._paths or () if path[0] not in held]
        if missing:
            raise invalid(
                "One or more parameter values were invalid: Global secondary index "
                f"{self._view.name} does not project {missing}"
            )

    def _start(self) -> Place | None:
        given = self._request.get("ExclusiveStartKey")
        if given is None:
            return None
        table = self._view.table
        if sorted(given) != self._key_names:
            raise invalid("The provided starting key is invalid")
        item = canonical_item(given)
        return self._view.place(table.key(table.key_attributes(item)), item)

    def answer(self, bounds: tuple[int, int], *, forward: bool) -> dict[str, Any]:
        """Walks within the bounds, positions in the view's places."""
        found: list[Item] = []
        walked = size = 0
        last: Item | None = None
        for place in self._places(bounds, forward=forward):
            whole = self._view.table.items[place[3]]
            item = self._view.held(whole)
            size += item_bytes(item)
            walked += 1
            if self.filter is None or self.filter.holds(item, self._values):
                found.append(item)
            if walked == self._request.get("Limit") or size > PAGE_BYTES_MAX:
                last = {name: whole[name] for name in self._key_names}
                break
        meter = Meter(self._request)
        meter.read(self._view, size, consistent=self._request.get("ConsistentRead", False))
        return {
            **({} if self._counts_only else {"Items": [_shown(item, self._paths) for item in found]}),
            "Count": len(found),
            "ScannedCount": walked,
            **({"LastEvaluatedKey": copied_item(last)} if last else {}),
            **meter.one(),
        }

    def _places(self, bounds: tuple[int, int], *, forward: bool) -> Sequence[Place]:
        (low, high), places = bounds, self._view.places
        if self.start:
            found = bisect_right(places, self.start) if forward else bisect_left(places, self.start)
            if not low <= found <= high:
                raise invalid("The provided starting key is outside query boundaries based on provided conditions")
            low, high = (found, high) if forward else (low, found)
        return places[low:high] if forward else places[low:high][::-1]


class _Term(NamedTuple):
    """What a key condition says of one attribute."""

    operator: str
    operands: tuple[Scalar, ...]


def _terms(view: View, condition: Condition, values: Values) -> dict[str, _Term]:
    terms: dict[str, _Term] = {}
    for part in condition.conditions if isinstance(condition, And) else (condition,):
        name, operator, operands = _term(part, values)
        if name in terms:
            raise invalid("KeyConditionExpressions must only contain one condition per key")
        if name in view.key_names:
            for operand in operands:
                view.table.check_type(name, operand)
        terms[name] = _Term(operator, tuple(map(scalar, operands)))
    if view.hash_name not in terms:
        raise invalid(f"Query condition missed key schema element: {view.hash_name}")
    if terms[view.hash_name].operator != "=" or not terms.keys() <= view.key_names:
        raise invalid("Query key condition not supported")
    return terms


def _term(part: Condition, values: Values) -> tuple[str, str, list[Value]]:
    """The attribute, the operator and the operands of one part of a key condition."""
    match part:
        case Compare(operator, PathOperand((str(name),)), ValueOperand(value)) if operator in _FLIPPED:
            return name, operator, [values[value]]
        case Compare(operator, ValueOperand(value), PathOperand((str(name),))) if operator in _FLIPPED:
            return name, _FLIPPED[operator], [values[value]]
        case Between(PathOperand((str(name),)), ValueOperand(low), ValueOperand(high)):
            return name, "BETWEEN", [values[low], values[high]]
        case BeginsWith((str(name),), ValueOperand(prefix)):
            return name, "begins_with", [values[prefix]]
    raise _unsupported(part)


def _unsupported(part: Condition) -> Refused:
    return invalid(f"Invalid operator used in KeyConditionExpression: {type(part).__name__}")


def _bounds(view: View, terms: Mapping[str, _Term]) -> tuple[int, int]:
    """The range of the view's places that the key condition selects."""
    low, high = view.partition(terms[view.hash_name].operands[0])
    term = terms.get(view.range_name or "")
    if term is None:
        return low, high
    first, last = term.operands[0], term.operands[-1]

    def sort_key(place: Place) -> Scalar:
        value = place[2]
        return value[: len(first)] if term.operator == "begins_with" else value  # type: ignore[index, arg-type]

    def before(value: Scalar) -> int:
        return bisect_left(view.places, value, low, high, key=sort_key)

    def after(value: Scalar) -> int:
        return bisect_right(view.places, value, low, high, key=sort_key)

    if term.operator in {"<", "<="}:
        return low, before(first) if term.operator == "<" else after(first)
    if term.operator in {">", ">="}:
        return after(first) if term.operator == ">" else before(first), high
    return before(first), after(last)
