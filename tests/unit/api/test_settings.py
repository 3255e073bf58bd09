import pytest

from inventory.settings import Settings, SettingsInvalid
from support.template import load_template


def test_what_is_set_is_read_and_the_rest_is_empty() -> None:
    settings = Settings.from_env({"STOCK_TABLE": "s", "OPEN_SLICES": "4", "ENVIRONMENT": "prod", "HOME": "/"})
    assert (settings.stock_table, settings.open_slices, settings.environment) == ("s", 4, "prod")
    assert (settings.holds_table, settings.docs_url) == ("", "")


def test_every_needed_variable_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsInvalid, match=r"missing: STOCK_TABLE, HOLDS_TABLE\."):
        Settings.from_env({"STOCK_TABLE": ""}, needed=("stock_table", "holds_table"))


@pytest.mark.parametrize("slices", ["0", "-1", "1025", "x", "4.0", "٤", " 4"])
def test_a_number_of_slices_that_makes_no_sense_is_named(slices: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"OPEN_SLICES.*'{slices}'"):
        Settings.from_env({"OPEN_SLICES": slices})


def test_the_template_sets_what_the_settings_read() -> None:
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    read = {name.upper() for name in Settings.__dataclass_fields__}
    assert {name for name in variables if not name.startswith("POWERTOOLS_")} <= read
