"""The audit's state machine: the order of its steps, which its findings rely on."""

from support.machines import State, definition, next_states

MACHINE = definition("AuditMachine")
STATES: dict[str, State] = MACHINE["States"]
READ = ("Folders", "AreThereFolders", "List", "Tasks", "AreThereTasks", "Read")
#: The way where there is something of everything.
WITH_ALL = {"IsThere": "Scan", "AreThereFolders": "List", "AreThereTasks": "Read"}


def test_the_live_tables_are_read_before_the_archive_is_listed_and_holds_before_items() -> None:
    """A record that is ahead of the archive is no discrepancy; a shard's events are held against what holds claim."""
    way, state = [], MACHINE["StartAt"]
    while "Next" in STATES[state] or "Choices" in STATES[state]:
        way.append(state)
        state = WITH_ALL.get(state) or STATES[state]["Next"]
    assert way == ["Begin", "IsThere", "Scan", *READ, "Holds", "Items", "Files", "Chain", "Report"]
    assert next_states(STATES["IsThere"]) == {"Scan", "Folders", "Files", "Chain"}
    assert next_states(STATES["AreThereFolders"]) == {"List", "Tasks"}
    assert next_states(STATES["AreThereTasks"]) == {"Read", "Holds"}


def test_an_audit_ends() -> None:
    assert MACHINE["TimeoutSeconds"] <= 4 * 3600
