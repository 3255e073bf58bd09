"""That tests without a stack notice a right that a role lacks, whoever plays the function."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from inventory.adapters.objects import NoSuchObject
from support.functions import Functions
from support.objects import DirectoryObjects
from support.restricted import RestrictedObjects
from support.rights import Denied, Right, take_away
from support.world import World


def test_a_world_holds_each_use_case_to_the_role_of_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.receive("A", 5)
    take_away(monkeypatch, "holds", Right("dynamodb:PutItem", "HoldsTable"))
    with pytest.raises(Denied, match="holds lacks dynamodb:PutItem on HoldsTable"):
        world.place("A")
    world.receive("A", 5)
    assert world.available("A") == 10


def test_functions_are_held_to_their_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Functions(monkeypatch)
    take_away(monkeypatch, "sweeper", Right("dynamodb:Query", "HoldsTable/index/open_holds"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        functions.play("schedule/sweep")


def test_a_bucket_gives_and_takes_what_the_role_says(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    archiver, commit = (RestrictedObjects(objects, name) for name in ("archiver", "snapshot_commit"))
    archiver.put("archive/stock/a", b"a")
    with pytest.raises(Denied, match="s3:GetObject"):
        archiver.read("archive/stock/a")
    with pytest.raises(Denied, match="s3:ListBucket"):
        archiver.first("archive/")
    with pytest.raises(Denied, match="s3:PutObject"):
        archiver.put("manifests/00000001.json", b"{}")
    with pytest.raises(Denied, match="s3:GetObject on HistoryBucket/archive/stock/a"):
        commit.copy_new("archive/stock/a", "ledger/a", "")
    with pytest.raises(NoSuchObject):
        commit.read("manifests/00000001.json")


def test_who_may_not_list_is_not_told_that_an_object_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = RestrictedObjects(DirectoryObjects(tmp_path), "audit_report")
    take_away(monkeypatch, "audit_report", Right("s3:ListBucket", "HistoryBucket"))
    for read in (report.read, lambda key: report.read_range(key, 0, 1)):
        with pytest.raises(Denied, match="s3:ListBucket on HistoryBucket"):
            read("manifests/00000001.json")
