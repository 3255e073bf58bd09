import pytest

from simulation.kernel import Kernel


def test_tasks_take_turns_in_simulated_time() -> None:
    kernel = Kernel(start_us=0)
    seen: list[tuple[str, int]] = []

    def step(name: str, seconds: float) -> None:
        for _ in range(2):
            seen.append((name, kernel.now_us))
            kernel.wait(seconds)

    kernel.spawn("slow", lambda: step("slow", 0.002))
    kernel.spawn("quick", lambda: step("quick", 0.001))
    kernel.run()
    assert seen == [("slow", 0), ("quick", 0), ("quick", 1000), ("slow", 2000)]
    assert kernel.now_us == 4000


def test_a_killed_task_stops_where_it_waits_and_no_except_keeps_it() -> None:
    kernel = Kernel(start_us=0)
    reached: list[str] = []

    def stubborn() -> None:
        reached.append("begun")
        try:
            kernel.wait(1)
        except Exception:  # noqa: BLE001 - as code under test might
            reached.append("caught")
        reached.append("went on")

    task = kernel.spawn("stubborn", stubborn)
    kernel.run(until_us=1000)
    kernel.kill(task)
    kernel.run()
    assert reached == ["begun"]
    assert task.ended


def test_what_a_task_raises_stops_the_run() -> None:
    kernel = Kernel(start_us=0)

    def wrong() -> None:
        raise ValueError("wrong")

    kernel.spawn("wrong", wrong)
    with pytest.raises(ValueError, match="wrong"):
        kernel.run()


def test_a_task_waits_for_another_but_not_for_ever() -> None:
    kernel = Kernel(start_us=0)
    ended: list[tuple[bool, int]] = []
    slow = kernel.spawn("slow", lambda: kernel.wait(3))

    def impatient() -> None:
        ended.append((kernel.wait_for(slow, 1), kernel.now_us))
        ended.append((kernel.wait_for(slow, 60), kernel.now_us))
        ended.append((kernel.wait_for(slow, 60), kernel.now_us))

    kernel.spawn("impatient", impatient)
    kernel.run()
    assert ended == [(False, 1_000_000), (True, 3_000_000), (True, 3_000_000)]
    assert kernel.now_us == 3_000_000, "the longer wait is void"
