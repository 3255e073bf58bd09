"""A table that is scanned page by page, however many records it has."""

from typing import Any

PAGE = 1_000


class Table:
    """A client that scans so many holds, page by page, made as they are asked for; it keeps what it was asked."""

    def __init__(self, records: int) -> None:
        self._records = records
        self.requests: list[dict[str, Any]] = []

    def scan(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        start = request.get("ExclusiveStartKey", 0)
        end = min(start + PAGE, self._records)
        items = [hold(number) for number in range(start, end)]
        return {"Items": items} | ({"LastEvaluatedKey": end} if end < self._records else {})


def hold(number: int) -> dict[str, Any]:
    settled = {"settlement": {"S": "x"}} if number % 2 else {}
    return {
        "hold_id": {"S": f"hold_{number}"},
        "rev": {"N": str(number % 7)},
        "at": {"N": str(10**12 + number)},
    } | settled
