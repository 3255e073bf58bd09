"""Guards of the history: what is read of the archive, and what an opening snapshot may begin with."""

from typing import Final

from mutants.mutant import SNAPSHOTS, Mutant

_OPENING = "history/opening.py"
_STEPS = "history/steps.py"
_MAP = "history/map_task.py"
_SEAL = "history/seal.py"
_BY_HAND = "tests/unit/history/test_opening.py::"
_OPENINGS = "tests/integration/test_openings.py::"
_PLANS = "tests/integration/test_plans.py::"
_PLAN = "audit/plan.py"
_OF_HOLDS = "tests/unit/proof/test_hold_checks.py::"
_SOUND = "tests/integration/audits/test_audits_of_sound_histories.py::"
_EARLY = _SOUND + "test_a_snapshot_of_before_the_first_one_is_audited_up_to_its_instant"
_DAMAGED_BASE = (
    "tests/unit/audit/test_plan.py::"
    "test_one_between_snapshots_is_not_of_before_all_others_because_its_base_is_gone_or_overwritten"
)
_AS_IT_IS = (
    "tests/unit/audit/test_growth.py::"
    "test_the_chain_has_a_manifest_as_it_is_where_that_is_not_how_it_was_when_its_files_were_looked_at"
)
_LEDGERS = "tests/unit/audit/test_ledgers.py::"
_AT_ONCE = _LEDGERS + "test_a_bucket_takes_its_files_of_all_ledgers_at_once_and_reads_no_manifest_for_them"
_AUDITED_ARCHIVES = "tests/integration/audits/test_audits_of_damaged_archives.py::"
_SEALED = "tests/integration/test_seal.py::"
_ARCHIVES = "tests/integration/test_damaged_archives.py::"
_DAMAGED = _ARCHIVES + "test_a_damaged_object_of_the_archive_fails_its_map_task_and_is_named"
_ASKED = "tests/unit/runs/test_audits.py::test_of_two_that_ask_at_once_the_second_is_told_of_the_first_ones"
_LAST_PLACE = "tests/unit/runs/test_places.py::test_of_two_that_want_the_last_place_one_gets_it"
_FIRST_PLACE = "tests/unit/runs/test_places.py::test_of_two_that_want_the_first_place_each_has_its_own"
_GIVEN_AGAIN = (
    "tests/unit/history/test_fold.py::"
    "test_gapless_a_revision_that_the_base_has_already_was_given_out_again_and_is_no_gap"
)
_LOST = _BY_HAND + "test_each_revision_between_that_no_archive_has_or_that_came_twice_is_lost"

HISTORY: Final = (
    Mutant(
        "archive_complete",
        "an archived object is read only by its checksum and length",
        _MAP,
        "while chunk := stream.read(_DECOMPRESSED_AT_ONCE):",
        'for chunk in [__import__("zlib").decompress(file.read_bytes()[10:-8], -15)]:',
        (_DAMAGED + "[checksum]", _DAMAGED + "[length]"),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "and one that is cut off is told as damaged",
        _MAP,
        "except (igzip.BadGzipFile, EOFError, IsalError) as error:",
        "except (igzip.BadGzipFile, IsalError) as error:",
        (_DAMAGED + "[cut]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "an object that ends without a newline takes no line from the next",
        _MAP,
        'if not last.endswith(b"\\n"):',
        "if False:",
        (_ARCHIVES + "test_objects_may_end_without_a_newline_or_with_more_than_one[none]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a machine's failure is not told as an object's damage",
        _MAP,
        "if isinstance(error, duckdb.OperationalError):",
        "if False:",
        (_ARCHIVES + "test_a_full_disk_is_no_damage_of_the_archive",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "an event of an unknown version is not taken for one that is known",
        _MAP,
        "f\"CASE WHEN v IS DISTINCT FROM {VERSION} THEN error('{_UNKNOWN}' || event_id) ELSE type END\"",
        '"type"',
        (_ARCHIVES + "test_an_event_of_another_version_fails_its_map_task_and_is_named",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "gapless",
        "a revision that is sealed does not come again unnoticed, after a table was restored, because none is missing",
        "history/fold.py",
        "if again is not None:",
        "if False:",
        (_GIVEN_AGAIN + "[revs1]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a history is opened by somebody who says why",
        _STEPS,
        "if not reason or not actor:",
        "if False:",
        (_OPENINGS + "test_nobody_opens_a_history_without_saying_who_and_why",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "and by its own mode alone",
        _STEPS,
        "if (opening is not None) != (mode is Mode.OPENING):",
        "if False:",
        (_OPENINGS + "test_no_mode_but_its_own_opens_a_history",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nothing is opened before an instant that is proved",
        "history/plan.py",
        "if opening is not None and standing.sealed:",
        "if False:",
        (_OPENINGS + "test_nothing_is_opened_before_an_instant_that_another_has_sealed_meanwhile",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "no snapshot is made of a time that was given up",
        _STEPS,
        "if each.lost(as_of_ms):",
        "if False:",
        (_OPENINGS + "test_no_snapshot_is_made_of_a_time_that_was_given_up",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a write that was under way when the reading began comes after it",
        _STEPS,
        '"read_from_ms": now_ms - self.grace_ms,',
        '"read_from_ms": now_ms,',
        (_OPENINGS + "test_a_write_that_was_under_way_when_the_reading_began_is_in_the_opening",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what was read after the instant opens nothing",
        _OPENING,
        "if late is not None:",
        "if False:",
        (_BY_HAND + "test_what_was_read_after_the_instant_cannot_be_taken_back",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what changed just now is waited for in the archive",
        _OPENING,
        "return [event_id for (event_id,) in coming]",
        "return []",
        (_BY_HAND + "test_a_record_that_changed_just_now_must_have_that_event_archived",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what was read already is not folded again",
        _OPENING,
        "SELECT 1 FROM whole WHERE whole.record_key = events.record_key AND events.rev <= whole.rev)",
        "SELECT 1 FROM whole WHERE false)",
        (_BY_HAND + "test_what_came_after_the_reading_is_folded_and_what_was_read_already_is_not",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nor is the former time of a restored table",
        _OPENING,
        "DELETE FROM events WHERE at_ms <= $read_from_ms OR EXISTS (",
        "DELETE FROM events WHERE $read_from_ms < 0 OR EXISTS (",
        (_BY_HAND + "test_the_former_time_of_a_restored_table_is_no_part_of_the_fold",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "each revision that no archive has is named",
        _OPENING,
        "FROM steps WHERE next > rev + 1",
        "FROM steps WHERE false",
        (_LOST,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "so is one that was sealed, and then given out again",
        _OPENING,
        "FROM archived JOIN sealed USING (record_key) WHERE archived.rev < sealed.rev",
        "FROM archived JOIN sealed USING (record_key) WHERE false",
        (_LOST,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "and also the very one that was sealed last",
        _OPENING,
        "SELECT record_key, rev FROM archived JOIN sealed USING (record_key, rev)",
        "SELECT record_key, rev FROM archived WHERE false",
        (_LOST,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "one that the archive has twice, of two instants",
        _OPENING,
        "GROUP BY ALL HAVING count(DISTINCT at_ms) > 1",
        "GROUP BY ALL HAVING false",
        (_BY_HAND + "test_a_revision_that_was_archived_twice_was_given_again_where_its_instants_differ",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "one that was archived, and is not in the table any more",
        _OPENING,
        "WHERE archived.rev > known.rev AND NOT {ADJUSTMENT}",
        "WHERE false",
        (_LOST,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "one that was sealed, and is not in the table any more",
        _OPENING,
        "FROM known WHERE sealed_rev > known.rev",
        "FROM known WHERE false",
        (_LOST,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a record is not gone if its end is archived",
        _OPENING,
        "HAVING NOT bool_or(ends)",
        "HAVING true",
        (_BY_HAND + "test_a_record_whose_removal_is_archived_is_not_lost",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "what was final at the snapshot before is not lost",
        _OPENING,
        "WHERE NOT (at_ms <= $since_ms AND",
        "WHERE NOT ($since_ms < 0 AND",
        (_BY_HAND + "test_what_was_final_at_the_snapshot_before_is_not_in_its_state_and_not_lost",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nothing is taken that was made of an object as somebody had overwritten it",
        "history/plan.py",
        "json.dumps([_FORM, source, keys, tags, plan.as_of_ms,",
        "json.dumps([_FORM, source, keys, plan.as_of_ms,",
        (_PLANS + "test_an_object_that_was_overwritten_makes_another_task_until_its_first_version_is_back",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nor of one that was overwritten after it was listed",
        "history/map_task.py",
        "objects.download(key, file, tag=tag)",
        "objects.download(key, file)",
        (_PLANS + "test_what_was_overwritten_after_it_was_listed_is_not_read_and_nothing_is_made_of_it",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "nor is it taken whatever its tag",
        "adapters/objects.py",
        "Key=key, IfMatch=tag)",
        "Key=key)",
        ("tests/contract/test_objects.py::test_an_object_is_taken_as_it_was_listed_or_not_at_all",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "an item's counter is not final because the item is called as adjustments are",
        _OPENING,
        "AND NOT contains(record_key, '#'))",
        ")",
        (_BY_HAND + "test_a_counter_is_no_adjustment_whatever_its_item_is_called",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "of what came after the seal, only a settled hold's expiry is not told as late",
        "proof/rebuild.py",
        "WHERE type = 'hold_removed' AND \"by\" = 'ttl' AND settled;",
        "WHERE type = 'hold_removed';",
        (_AUDITED_ARCHIVES + "test_a_removal_that_came_after_the_seal_is_late_unless_it_is_a_settled_hold_s_expiry",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "both kinds of records are compared with the live ones",
        _SEAL,
        'kinds = ("holds", "items")',
        'kinds = ("holds",)',
        ("tests/integration/test_events_snapshot_machine.py::test_what_the_archive_lacks_is_named_and_waited_for",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a bucket that no task compared is not taken for complete",
        _SEAL,
        "for bucket in range(plan.buckets):",
        "for bucket in range(plan.buckets - 1):",
        (_SEALED + "test_nothing_is_sealed_of_which_a_bucket_has_not_been_compared",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "an execution is judged by what it has read itself",
        _SEAL,
        'return f"{plan.run}compared/{live.removeprefix(PARTIALS)}"',
        'return f"{plan.run}compared/"',
        (_SEALED + "test_executions_that_share_a_run_are_each_judged_by_what_they_read",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "stock_conserved",
        "the books of an opened history begin with what is there",
        _OPENING,
        "UPDATE snapshot SET adjusted = on_hand, executed = 0",
        "UPDATE snapshot SET adjusted = adjusted",
        (_BY_HAND + "test_books_begin_with_what_is_there",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "an audit takes all files of a ledger that have its bucket's events",
        _PLAN,
        "for number in range(bucket, self.buckets, buckets)",
        "for number in [bucket]",
        (_AT_ONCE + "[items]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "one of before all snapshots has the ledger of its time",
        _PLAN,
        "ledgers = [each for each in manifests if _tells(each, 0, plan.as_of_ms)]",
        "ledgers = list[Sealed]()",
        (_EARLY,),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "but is none of them because its base cannot be read",
        _PLAN,
        "whole = not missing and len(manifests) == len(numbers)",
        "whole = True",
        (_DAMAGED_BASE + "[{}]", _DAMAGED_BASE + "[None]"),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "and is held against the manifest before its own",
        _PLAN,
        "first=max(1, target.number - 1),",
        "first=target.number,",
        (_SOUND + "test_and_what_is_wrong_with_it_is_found",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "archive_complete",
        "a manifest is held against others as it is, not as it was before somebody wrote over it",
        "audit/parts.py",
        "if read != tag:",
        "if False:",
        (_AS_IT_IS + "[no JSON]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "held_matches_holds",
        "a hold that claims more than a counter counts does not claim nothing",
        "proof/columns.py",
        'return f"greatest(least(sum({quantity}), {_MOST}), -{_MOST})::BIGINT"',
        'return f"TRY_CAST(sum({quantity}) AS BIGINT)"',
        (_OF_HOLDS + "test_no_hold_claims_too_much_for_it_to_be_seen",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "held_matches_holds",
        "nor does it hold so much that nobody can look at it",
        "proof/rebuild.py",
        "{counted(_HOLDING)} AS holding",
        "sum({_HOLDING})::BIGINT AS holding",
        (_OF_HOLDS + "test_nor_while_it_is_not_settled[two lines]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "held_matches_holds",
        "nor does a draw of what is no number count for nothing beside others",
        "proof/checks.py",
        "OR list_count([each.quantity FOR each IN line.drawn]) < len(line.drawn)",
        "",
        (_OF_HOLDS + "test_a_hold_that_went_wrong_is_found_and_named[damage-lines_legal3]",),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "resolved_once",
        "of two who are the first to ask for an audit of a snapshot, or for a place, one comes second",
        "storage/request_records.py",
        'condition="attribute_not_exists(#request_id)" if before is None else',
        'condition="attribute_not_exists(#absent)" if before is None else',
        (_ASKED + "[0]", _FIRST_PLACE),
        beyond=SNAPSHOTS,
    ),
    Mutant(
        "resolved_once",
        "and so of two who come after others",
        "storage/request_records.py",
        'if before is None else "#made = :before"',
        'if before is None else "#made = :before OR attribute_exists(#made)"',
        (_ASKED + "[1]", _LAST_PLACE),
        beyond=SNAPSHOTS,
    ),
)
