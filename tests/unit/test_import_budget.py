"""A cold start is paid by a buyer: what the holds function imports has a budget."""

from support.import_cost import import_cost, least_of

#: In units of what boto3 and its client take by themselves: 250 ms on the machine of docs/performance.md are 1.7 of it.
BUDGET = 1.2


def test_the_holds_function_imports_within_its_budget() -> None:
    cost = import_cost("holds", runs=5)
    if cost.ratio >= BUDGET:  # what other programs take of the processor's caches only adds, and passes
        cost = least_of(cost, import_cost("holds", runs=15))
    assert cost.ratio < BUDGET, f"{cost.own_ms:.0f} ms beyond boto3's {cost.client_ms:.0f} ms"
