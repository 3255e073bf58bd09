"""A table that is scanned page by page, however many records it has."""

from collections.abc import Iterator
from typing import Any, Self

PAGE = 1_000


class Table:
    """A client that scans so many holds, page by page, made as they are asked for; it keeps what it was asked."""

    def __init__(self, records: int) -> None:
        self._records = records
        self.requests: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Self:
        assert operation == "scan"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        for start in range(0, max(self._records, 1), PAGE):
            self.requests.append(request)
            yield {"Items": [hold(number) for number in range(start, min(start + PAGE, self._records))]}


def hold(number: int) -> dict[str, Any]:
    settled = {"settlement": {"S": "x"}} if number % 2 else {}
    return {
        "hold_id": {"S": f"hold_{number}"},
        "rev": {"N": str(number % 7)},
        "at": {"N": str(10**12 + number)},
    } | settled
