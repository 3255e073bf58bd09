"""Guards of holds of one id that came one after the other: what tells them apart wherever the archive is read."""

from typing import Final

from mutants.mutant import SNAPSHOTS, Mutant

_SEALED = "tests/integration/test_lives.py::"
_AUDITED = _SEALED + "test_audits_find_nothing_wrong"
_VERIFIED = _SEALED + "test_verification_finds_nothing_wrong_in_any_snapshot"
_ALIKE = _SEALED + "test_snapshots_of_any_steps_are_the_rebuilds_byte_for_byte"
_CAME_AGAIN = (
    "tests/unit/proof/test_live.py::"
    "test_a_key_that_came_again_may_have_its_new_hold_in_the_table_before_the_archive_has_it"
)
_NO_PROOF = _SEALED + "test_no_later_hold_of_an_id_stands_for_what_the_archive_lost_of_the_one_before"
_LATE = _SEALED + "test_a_removal_told_a_moment_after_what_follows_it_still_lies_between"

LIVES: Final = (
    Mutant(
        "archive_complete",
        "holds of one id are told apart where the earlier was removed",
        "history/reduce_task.py",
        "self._begun_again = tell_lives_apart(sql)",
        "self._begun_again = False",
        (_ALIKE + "[taken2]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "also what their base has of them",
        "history/reduce_task.py",
        "            tell_lives_of_base_apart(sql)\n",
        "            pass\n",
        (_ALIKE + "[taken0]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a removal after the instant lies between what came before it all the same",
        "history/lives.py",
        'min(at_ms) AS at_ms FROM told "',
        'min(at_ms) AS at_ms FROM events "',
        (_LATE,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "the ledger has each event under the id that it was archived with",
        "history/reduce_task.py",
        "AS_ARCHIVED if self._begun_again else '*'",
        "'*'",
        (_SEALED + "test_the_ledger_has_every_event_of_every_life_under_its_own_id",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a final hold does not stand for a live one after it",
        "history/seal.py",
        "(head.final AND NOT coalesce(live.at_ms > head.at_ms, false))",
        "head.final",
        (_SEALED + "test_a_missing_event_of_any_life_stops_the_seal_and_is_named[3-1]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nor does one that has come to the same revision",
        "history/seal.py",
        "(live.rev = folded AND live.at_ms = head.at_ms)",
        "live.rev = folded",
        (_NO_PROOF + "[1-lost0]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "or to the next one, where the archive has another",
        "history/seal.py",
        "live.at_ms > $as_of_ms AND later IS NULL)",
        "live.at_ms > $as_of_ms)",
        (_NO_PROOF + "[2-lost0]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "audits and proofs tell them apart too",
        "proof/lives.py",
        'SELECT 1 FROM begun_again LIMIT 1").fetchone() is not None',
        'SELECT 1 FROM begun_again LIMIT 1").fetchone() == 0',
        (_AUDITED + "[full]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "also in the ledger",
        "proof/rebuild.py",
        'rename_ended(database, "sealed_ledger",',
        '(lambda *_, also_key: None)(database, "sealed_ledger",',
        (_AUDITED + "[full]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "and in the base",
        "proof/base.py",
        'rename_ended(database, "base_event", "record_key", "false", "at_ms", also_key=True)',
        "pass",
        (_AUDITED + "[increment]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what holds of one id did is held against what was done in the name of that id",
        "proof/checks.py",
        '{plain("record_key")} ELSE settlement END',
        "record_key ELSE settlement END",
        (_AUDITED + "[full]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a hold of an older snapshot is told by the id that it had",
        "proof/rebuild.py",
        'SELECT {plain("hold_id")} AS hold_id',
        "SELECT hold_id",
        (_VERIFIED,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a hold in the table is held against no other of its id that expired before it",
        "proof/live.py",
        "NOT coalesce(last.expired AND live.rev > 0 AND live.at_ms > $until, false) AND (",
        "(",
        (_CAME_AGAIN + "[expired]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what follows a record after the instant is what came first, not another of its id that began since",
        "history/reduce_task.py",
        "arg_min(rev, (at_ms, rev)) AS later",
        "min(rev) AS later",
        (
            _SEALED
            + "test_an_instant_is_sealed_weeks_later_though_a_hold_of_then_has_ended_and_its_key_came_again[None]",
        ),
        beyond=SNAPSHOTS,
    ),
)
