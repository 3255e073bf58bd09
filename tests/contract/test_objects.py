"""One suite over every bucket: S3 as moto has it, and the folder that other tests use in its place."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws, settings

from inventory.adapters.objects import AlteredObject, Ending, NoSuchObject, Objects, S3Objects, Stored
from support.objects import DirectoryObjects


@pytest.fixture(params=["s3", "two buckets", "folder"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    if request.param == "folder":
        yield DirectoryObjects(tmp_path / "bucket")
        return
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="history")
        client.create_bucket(Bucket="scratch")
        yield S3Objects(client, "history", {} if request.param == "s3" else {"a/": "scratch"})


def test_what_has_a_bucket_of_its_own_is_there_alone(tmp_path: Path) -> None:
    with mock_aws():
        client = boto3.client("s3")
        for name in ("history", "scratch"):
            client.create_bucket(Bucket=name)
        objects = S3Objects(client, "history", {"partials/": "scratch"})
        (tmp_path / "file").write_bytes(b"x")
        objects.put("partials/1", b"1")
        objects.put_new("partials/2", b"2")
        objects.upload(tmp_path / "file", "partials/3")
        objects.copy_new("partials/1", "sealed/1", sha256(b"1").hexdigest())
        assert [stored.key for stored in S3Objects(client, "scratch").list("")] == [f"partials/{n}" for n in (1, 2, 3)]
        assert [stored.key for stored in S3Objects(client, "history").list("")] == ["sealed/1"]
        assert [stored.key for stored in objects.list("partials/")] == [f"partials/{n}" for n in (1, 2, 3)]


def test_an_object_is_new_once(objects: Objects) -> None:
    assert objects.put_new("a/1", b"first")
    assert not objects.put_new("a/1", b"second")
    assert objects.read("a/1") == b"first"


def test_put_replaces(objects: Objects) -> None:
    objects.put("a/1", b"first")
    objects.put("a/1", b"second")
    assert objects.read("a/1") == b"second"


def test_files_go_up_and_down(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x" * 1000)
    objects.upload(tmp_path / "up", "a/1")
    objects.download("a/1", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"x" * 1000


@pytest.mark.parametrize(("size", "requests"), [(10, 1), (8 * 1024 * 1024, 1), (9_000_000, 4)])
def test_a_small_object_comes_with_one_request_and_a_large_one_in_parts(
    size: int, requests: int, tmp_path: Path
) -> None:
    """The first of the four tells that it is large, the second its size, the others are its two parts."""
    asked: list[str] = []
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="history")
        objects = S3Objects(client, "history")
        objects.put("a", bytes(size))
        client.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))
        objects.download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == bytes(size)
    assert len(asked) == requests


@pytest.mark.parametrize("size", [10, 9_000_000])
def test_an_object_is_taken_as_it_was_listed_or_not_at_all(objects: Objects, tmp_path: Path, size: int) -> None:
    objects.put("a/1", b"x" * size)
    [listed] = objects.list("a/")
    objects.download("a/1", tmp_path / "copy", tag=listed.tag)
    assert (tmp_path / "copy").read_bytes() == b"x" * size
    objects.put("a/1", b"y" * size)
    with pytest.raises(AlteredObject, match="a/1"):
        objects.download("a/1", tmp_path / "copy", tag=listed.tag)
    assert (tmp_path / "copy").read_bytes() == b"x" * size, "nothing of it was taken"


def test_a_copy_never_replaces(objects: Objects) -> None:
    objects.put("a", b"1")
    objects.copy_new("a", "b", sha256(b"1").hexdigest())
    objects.put("a", b"2")
    objects.copy_new("a", "b", sha256(b"2").hexdigest())
    assert objects.read("b") == b"1"


def test_what_is_not_what_it_should_be_is_not_copied(objects: Objects) -> None:
    objects.put("a/1", b"x" * 3_000_000)
    with pytest.raises(AlteredObject, match="a/1"):
        objects.copy_new("a/1", "b", sha256(b"y" * 3_000_000).hexdigest())
    assert objects.first("b") is None
    objects.copy_new("a/1", "b", sha256(b"x" * 3_000_000).hexdigest())
    assert objects.read("b") == b"x" * 3_000_000


@pytest.mark.parametrize("size", [10, 9_000_000])  # copied in one piece, and in parts
def test_nor_what_is_replaced_between_the_look_at_it_and_the_copy(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="history")
        objects = S3Objects(client, "history")
        objects.put("a", b"x" * size)

        def replace(**_: object) -> None:
            client.meta.events.unregister("before-call.s3.HeadObject", replace)
            objects.put("a", b"y" * size)

        monkeypatch.setattr(objects, "_exists", lambda _key: False)
        client.meta.events.register("before-call.s3.HeadObject", replace)  # the copy begins with the object's size
        with pytest.raises(AlteredObject, match="a"):
            objects.copy_new("a", "b", sha256(b"x" * size).hexdigest())
        assert objects.first("b") is None


def test_what_is_not_there_is_named(objects: Objects, tmp_path: Path) -> None:
    asked: list[Callable[[], object]] = [
        lambda: objects.read("no"),
        lambda: objects.read_start("no", 8),
        lambda: objects.read_end("no", 8),
        lambda: objects.read_range("no", 0, 8),
        lambda: objects.download("no", tmp_path / "x"),
        lambda: objects.download("no", tmp_path / "x", tag="of no object"),
    ]
    for ask in asked:
        with pytest.raises(NoSuchObject, match="no"):
            ask()
    with pytest.raises(NoSuchObject, match="no"):
        objects.copy_new("no", "b", sha256(b"").hexdigest())


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a listing is ten objects or folders, where S3 gives a thousand."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    assert settings.get_s3_default_max_keys() == 10


@pytest.mark.usefixtures("small_pages")
def test_a_listing_is_sorted_and_whole(objects: Objects) -> None:
    for number in range(25):
        objects.put(f"a/{number:04d}", b"x" * (number % 3))
    objects.put("b", b"")
    listed = list(objects.list("a/"))
    assert [(each.key, each.size) for each in listed] == [(f"a/{number:04d}", number % 3) for number in range(25)]
    assert list(objects.list("a/", after="a/0001")) == listed[2:]
    assert objects.first("a/") == listed[0]
    assert objects.page("a/", after="", limit=2) == listed[:2]
    assert objects.page("a/", after="a/0001", limit=2) == listed[2:4]
    assert objects.page("a/", after="a/0023x", limit=2) == listed[24:]
    assert objects.page("a/", after="b", limit=2) == []
    assert objects.first("c") is None


def test_a_listing_tells_versions_of_an_object_apart(objects: Objects) -> None:
    def told() -> list[Stored]:
        listed = list(objects.list("a/"))
        assert [objects.first("a/")] == list(objects.page("a/", after="", limit=1)) == listed
        return listed

    objects.put("a/1", b"first")
    first = told()
    objects.put("a/1", b"other")
    assert told() != first
    objects.put("a/1", b"first")
    assert told() == first


def test_what_is_right_below_a_prefix_is_told_once_and_in_order(objects: Objects) -> None:
    for key in ("a/1/x", "a/1/y/z", "a/10", "a/2/x", "a/2x", "b/1/x"):
        objects.put(key, b"")
    assert list(objects.folders("a/")) == ["a/1/", "a/10", "a/2/", "a/2x"]
    assert list(objects.folders("a/", after="a/1")) == ["a/1/", "a/10", "a/2/", "a/2x"]
    assert list(objects.folders("a/", after="a/10")) == ["a/2/", "a/2x"]
    assert list(objects.folders("c/")) == []


@pytest.mark.usefixtures("small_pages")
def test_very_many_folders_are_told_page_by_page(objects: Objects) -> None:
    for number in range(25):
        objects.put(f"a/{number:04d}/x", b"")
    assert list(objects.folders("a/")) == [f"a/{number:04d}/" for number in range(25)]


def test_parts_of_an_object_are_read_by_themselves(objects: Objects) -> None:
    objects.put("a", b"0123456789")
    assert objects.read_start("a", 3) == b"012"
    assert objects.read_start("a", 30) == b"0123456789"
    assert objects.read_end("a", 3) == Ending(b"789", 10)
    assert objects.read_end("a", 30) == Ending(b"0123456789", 10)
    assert objects.read_range("a", 2, 3) == b"234"
    objects.put("empty", b"")
    assert objects.read_start("empty", 3) == b""


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(lambda objects, _: objects.read_start("a", 3), [3], id="its start is read"),
        pytest.param(lambda objects, file: objects.download("a", file), [], id="it comes in parts"),
    ],
)
def test_of_a_large_object_no_more_is_taken_than_was_asked_for_and_the_connection_is_given_back(
    ask: Callable[[Objects, Path], object], expected: list[int], tmp_path: Path
) -> None:
    taken: list[int | None] = []

    class Body(BytesIO):
        def read(self, size: int | None = None) -> bytes:
            taken.append(size)
            return super().read(size)

    body = Body(b"0123456789")
    answer = {"Body": body, "ContentLength": 9_000_000}
    client = SimpleNamespace(get_object=lambda **_: answer, download_file=lambda *_: None)
    ask(S3Objects(client, "history"), tmp_path / "a")
    assert taken == expected
    assert body.closed
