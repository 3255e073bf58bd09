"""The hybrid clock: `at` never goes back, one instant for each write, and no write by a clock that is wrong."""

import pytest

from inventory.domain.clock import Elapsed, HybridClock, tick_at_or_after
from inventory.domain.errors import ClockSkewed, RecordAhead

NOW = 1_800_000_000_000


class Measured:
    """A clock that is off by some milliseconds, and the database's second, which it sees when it measures."""

    def __init__(self, off_ms: int = 0, answers: bool = True) -> None:  # noqa: FBT001, FBT002
        self.true_ms = NOW
        self.off_ms = off_ms
        self.answers = answers
        self.measured = 0
        self.takes_ms: list[int] = []
        self.clock = HybridClock(lambda: self.true_ms + self.off_ms, self.measure, lambda: self.true_ms)

    def measure(self) -> None:
        self.measured += 1
        if self.answers:
            self.answer(self.takes_ms.pop() if self.takes_ms else 0)

    def answer(self, took_ms: int = 0) -> None:
        """The database's second is that of its last answer: earlier sends had none."""
        sent_ms = self.true_ms + self.off_ms
        self.clock.observe(sent_ms, (self.true_ms + took_ms) // 1000, sent_ms + took_ms)


class TestStamps:
    @pytest.mark.parametrize(("instant", "tick"), [(0, 0), (1, 100), (99, 100), (100, 100), (101, 200)])
    def test_time_is_cut_into_ticks_rounded_up(self, instant: int, tick: int) -> None:
        assert tick_at_or_after(instant) == tick

    def test_a_stamp_is_the_tick_at_or_after_now(self) -> None:
        measured = Measured()
        measured.true_ms += 1
        assert measured.clock.stamp() == NOW + 100

    def test_it_is_never_before_what_was_seen(self) -> None:
        assert Measured().clock.stamp(NOW - 500, NOW + 700, NOW + 300) == NOW + 700

    def test_a_record_up_to_ten_seconds_ahead_is_followed(self) -> None:
        assert Measured().clock.stamp(NOW + 10_000) == NOW + 10_000

    def test_one_that_is_further_ahead_is_not(self) -> None:
        with pytest.raises(RecordAhead):
            Measured().clock.stamp(NOW + 10_100)


class TestSkew:
    @pytest.mark.parametrize("off_ms", [-2_000, -1, 0, 1, 2_000])
    @pytest.mark.parametrize("part_ms", [0, 1, 500, 999])
    def test_up_to_two_seconds_off_it_writes(self, off_ms: int, part_ms: int) -> None:
        measured = Measured(off_ms)
        measured.true_ms += part_ms
        assert measured.clock.stamp() == tick_at_or_after(NOW + part_ms + off_ms)

    @pytest.mark.parametrize("off_ms", [-3_001, 3_001, 60_000, -60_000])
    @pytest.mark.parametrize("part_ms", [0, 500, 999])
    def test_surely_further_off_it_does_not(self, off_ms: int, part_ms: int) -> None:
        measured = Measured(off_ms)
        measured.true_ms += part_ms
        with pytest.raises(ClockSkewed):
            measured.clock.stamp()

    def test_a_slow_answer_is_no_skew(self) -> None:
        measured = Measured()
        measured.clock.stamp()
        measured.answer(took_ms=30_000)
        assert measured.clock.trusted

    @pytest.mark.parametrize(("took_ms", "measured_again"), [(2_000, 0), (2_001, 1)])
    def test_nor_does_it_prove_that_there_is_none(self, took_ms: int, measured_again: int) -> None:
        measured = Measured()
        measured.answer(took_ms)
        assert measured.clock.stamp() == NOW
        assert measured.measured == measured_again

    def test_a_clock_that_is_off_is_found_out_though_its_first_measurement_took_too_long(self) -> None:
        measured = Measured(off_ms=5_000)
        measured.takes_ms = [4_000]
        with pytest.raises(ClockSkewed):
            measured.clock.stamp()
        assert measured.measured == 2

    def test_where_no_measurement_proves_anything_it_does_not_write_until_one_does(self) -> None:
        measured = Measured()
        measured.takes_ms = [4_000] * 5
        for _ in range(2):
            with pytest.raises(ClockSkewed):
                measured.clock.stamp()
        assert measured.clock.stamp() == NOW

    def test_a_skew_that_was_proved_is_not_forgotten_over_a_slow_answer(self) -> None:
        measured = Measured(off_ms=10_000)
        measured.answer()
        measured.answer(took_ms=30_000)
        assert measured.clock.trusted is False

    def test_it_measures_itself_once_before_the_first_stamp(self) -> None:
        measured = Measured()
        measured.clock.stamp()
        measured.clock.stamp()
        assert measured.measured == 1

    @pytest.mark.parametrize(
        ("told_ms", "measured_again"),
        [
            (NOW + 2_000, 0),
            (NOW + 2_001, 1),
            (NOW, 0),
            (NOW - 10_000, 0),
            (NOW - 10_001, 1),
            (None, 1),
        ],
    )
    def test_it_measures_again_where_what_it_is_told_does_not_fit(
        self, told_ms: int | None, measured_again: int
    ) -> None:
        measured = Measured()
        measured.clock.stamp()
        measured.clock.compare(told_ms)
        measured.clock.stamp()
        assert measured.measured == 1 + measured_again

    @pytest.mark.parametrize("off_ms", [-300_000, 3_600_000])
    def test_an_instance_whose_clock_went_wrong_while_it_was_frozen_does_not_write(self, off_ms: int) -> None:
        measured = Measured()
        measured.clock.stamp()
        measured.off_ms = off_ms
        measured.clock.compare(measured.true_ms)
        with pytest.raises(ClockSkewed):
            measured.clock.stamp()

    def test_later_answers_are_noticed(self) -> None:
        measured = Measured()
        measured.clock.stamp()
        measured.off_ms = 10_000
        measured.answer()
        with pytest.raises(ClockSkewed):
            measured.clock.stamp()

    def test_a_clock_that_was_put_right_is_trusted_again(self) -> None:
        measured = Measured(off_ms=10_000)
        with pytest.raises(ClockSkewed):
            measured.clock.stamp()
        measured.off_ms = 0
        assert measured.clock.stamp() == NOW

    def test_without_any_answer_s_date_it_goes_by_its_own_clock(self) -> None:
        measured = Measured(answers=False)
        assert measured.clock.stamp() == NOW
        assert measured.clock.trusted is None


class TestElapsed:
    def test_it_is_the_longer_of_what_two_clocks_say_of_each_step(self) -> None:
        clocks = {"wall": NOW, "uptime": 7}
        elapsed = Elapsed(lambda: clocks["wall"], lambda: clocks["uptime"])
        assert elapsed() == 0
        clocks |= {"wall": NOW + 100, "uptime": 107}
        assert elapsed() == 100

        clocks |= {"wall": NOW + 150, "uptime": 150}
        assert elapsed() == 150

    def test_a_clock_that_is_set_back_makes_nothing_younger(self) -> None:
        clocks = {"wall": NOW, "uptime": 0}
        elapsed = Elapsed(lambda: clocks["wall"], lambda: clocks["uptime"])
        clocks |= {"wall": NOW - 5_000, "uptime": 300}
        assert elapsed() == 300

    def test_nor_does_an_instance_that_was_frozen(self) -> None:
        clocks = {"wall": NOW, "uptime": 0}
        elapsed = Elapsed(lambda: clocks["wall"], lambda: clocks["uptime"])
        clocks |= {"wall": NOW + 60_000, "uptime": 1}
        assert elapsed() == 60_000
