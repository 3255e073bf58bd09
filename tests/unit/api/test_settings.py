from dataclasses import fields

import pytest

from inventory.settings import Settings, SettingsInvalid
from support.template import load_template


def test_what_is_set_is_read_and_the_rest_is_empty() -> None:
    settings = Settings.from_env({"STOCK_TABLE": "s", "OPEN_SLICES": "4", "HOME": "/"})
    assert (settings.stock_table, settings.open_slices) == ("s", 4)
    assert (settings.holds_table, settings.docs_url) == ("", "")


def test_every_needed_variable_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsInvalid, match=r"missing: STOCK_TABLE, HOLDS_TABLE\."):
        Settings.from_env({"STOCK_TABLE": ""}, needed=("stock_table", "holds_table"))


HIGHEST = {
    "open_slices": 1_024,
    "history_buckets": 256,
    "snapshot_grace_s": 86_400,
    "archive_lag_s": 3_600,
    "scan_segments": 256,
    "changes_per_shard": 100_000,
    "heat_tries": 100_000,
    "cold_after_s": 604_800,
}


def test_these_are_all_numbers() -> None:
    assert sorted(HIGHEST) == sorted(each.name for each in fields(Settings) if isinstance(each.default, int))


@pytest.mark.parametrize(("name", "highest"), HIGHEST.items())
def test_a_number_has_its_bounds(name: str, highest: int) -> None:
    for number in (1, highest):
        assert getattr(Settings.from_env({name.upper(): str(number)}), name) == number
    for number in (0, highest + 1):
        with pytest.raises(SettingsInvalid, match=f"{name.upper()} must be a whole number from 1 to {highest}, not"):
            Settings.from_env({name.upper(): str(number)})


@pytest.mark.parametrize("slices", ["0", "-1", "1025", "x", "4.0", "٤", " 4"])
def test_a_number_of_slices_that_makes_no_sense_is_named(slices: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"OPEN_SLICES.*'{slices}'"):
        Settings.from_env({"OPEN_SLICES": slices})


def test_the_template_sets_what_the_settings_read() -> None:
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    read = {name.upper() for name in Settings.__dataclass_fields__}
    assert {name for name in variables if not name.startswith("POWERTOOLS_")} <= read
