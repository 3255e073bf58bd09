"""What readers see is the newest of all that was told, in whichever order it came."""

from inventory.domain.availability import Availability, DirectoryCount, News, fold


def test_a_directory_that_is_told_late_gives_way_to_the_newer() -> None:
    known = fold(Availability("A", "W1"), News().with_directory(DirectoryCount(2, 4), 7_000))
    assert fold(known, News().with_directory(DirectoryCount(1, 1), 8_000)).directory == DirectoryCount(2, 4)
