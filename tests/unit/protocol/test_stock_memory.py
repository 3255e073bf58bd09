"""A reader may be told what the same instance read within the last second: a hot item costs one query a second."""

from inventory.protocol.stock_view import read_stock
from inventory.protocol.ttl_cache import TtlCache
from support.world import World


def calls(world: World) -> list[str]:
    made: list[str] = []
    world.database.before_call = lambda operation, _arguments: made.append(operation)
    return made


def test_reads_within_a_second_share_one_query_and_say_when_it_was() -> None:
    world = World()
    world.receive("A", 5)
    made = calls(world)
    first = read_stock(world.core, "A", consistent=False)
    world.clock.pass_s(0.999)
    assert read_stock(world.core, "A", consistent=False) == first
    assert first.as_of_ms == world.clock.now_ms - 999
    assert made == ["Query"]


def test_stock_is_as_old_as_the_question_and_not_as_its_answer() -> None:
    world = World()
    world.receive("A", 5)
    asked_ms = world.clock.now_ms
    world.database.before_call = lambda _operation, _arguments: world.clock.pass_s(0.4)
    assert read_stock(world.core, "A", consistent=False).as_of_ms == asked_ms
    world.clock.pass_s(0.6)
    assert read_stock(world.core, "A", consistent=False).as_of_ms == asked_ms + 1_000, "it is a second old: read again"


def test_after_a_second_the_projection_is_read_again() -> None:
    world = World()
    world.receive("A", 5)
    read_stock(world.core, "A", consistent=False)
    world.place("A", 2)
    world.project()
    made = calls(world)
    assert read_stock(world.core, "A", consistent=False).available == 5
    world.clock.pass_s(1)
    assert read_stock(world.core, "A", consistent=False).available == 3
    assert made == ["Query"]


def test_a_consistent_read_asks_the_counters_whatever_is_remembered() -> None:
    world = World()
    world.receive("A", 5)
    read_stock(world.core, "A", consistent=False)
    world.place("A", 2)
    assert read_stock(world.core, "A", consistent=True).available == 3


def test_another_instance_remembers_by_itself() -> None:
    world = World()
    world.receive("A", 5)
    read_stock(world.core, "A", consistent=False)
    world.place("A", 2)
    world.project()
    assert read_stock(world.instance(), "A", consistent=False).available == 3


def test_a_memory_is_bounded_and_forgets_what_it_learned_first() -> None:
    memory: TtlCache[int, str] = TtlCache(lambda: 0, age_max_ms=1, kept_max=3)
    for number in range(4):
        memory.put(number, "known")
    assert memory.get(0) is None
    assert memory.get(1) == "known"
    assert memory.get(3) == "known"
