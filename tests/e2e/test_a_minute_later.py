"""What takes a minute to come true. It was begun before all other tests, and is looked at after them."""

from support.shop import Body, Shop, line, wait_until
from support.stack import Operator


def test_what_the_settler_never_heard_of_the_sweeper_settles(operator: Operator, shop: Shop, abandoned: Body) -> None:
    """everything_settles: the hold's event was lost, and nobody's help but the sweeper's was left."""
    item = abandoned["lines"][0]["item"]

    def settled() -> bool:
        operator.sweep()
        return bool(shop.hold(abandoned)["settled"])

    wait_until(settled, 75, "the sweeper settles what was resolved a minute ago")
    assert shop.counters(item) == (10, 0)


def test_the_sweeper_runs_by_itself_every_minute(operator: Operator) -> None:
    """Its own schedule's runs are those that no test asked for."""
    wait_until(
        lambda: sum(line.get("message") == "swept" for line in operator.logged("sweeper")) > operator.sweeps,
        75,
        "the schedule lets it run",
    )


def test_a_key_that_was_let_in_stops_working_within_a_minute_of_its_revocation(revoked: Shop) -> None:
    def refused() -> bool:
        answer = revoked.get("/v1/holds")
        assert answer.status in {200, 401}
        return answer.status == 401 and answer.code == "api_key_invalid"

    wait_until(refused, 65, "the authorizer's answer is no longer kept")
    assert revoked.place(line("anything")).status == 401
