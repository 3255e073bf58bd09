"""The arithmetic of docs/capacity.md: 300 million sales in two days, at list prices. Nothing is measured here."""

from bench.figures import Section
from bench.prime_day.audits import audits
from bench.prime_day.history import archive, rebuild, snapshot
from bench.prime_day.reading import scan, seal
from bench.prime_day.service import functions, service


def figures() -> Section:
    """Objects, tasks, minutes and dollars."""
    return Section(
        "Prime Day by arithmetic: 300 million sales in 48 hours",
        "List prices; sizes and seconds from the other benchmarks; docs/capacity.md says what to make of it.",
        (*archive(), *snapshot(), *rebuild(), *scan(), *seal(), *audits(), *service(), *functions()),
    )
