"""What one strong reading of an item saw, and what two of them prove."""

from collections.abc import Callable
from dataclasses import dataclass

from inventory.domain.clock import Milliseconds
from inventory.domain.drawing import ItemView
from inventory.domain.stock import Directory, Shard, ShardKey


@dataclass(frozen=True, slots=True)
class Pass:
    """One strong reading of an item's directory and shards; each record is exact, all together are of no one instant.

    Attributes:
        directory: The directory, or None where the item is unknown.
        shards: The shards of the warehouse asked for (of all, where none was), empty ones included.
        started_ms: When the first question was asked, by `HybridClock.elapsed`.
        ended_ms: When the last answer came, likewise.
    """

    directory: Directory | None
    shards: dict[ShardKey, Shard]
    started_ms: int
    ended_ms: int

    @property
    def directory_at(self) -> Milliseconds:
        """When the directory was last changed. No stock can come into a warehouse before that has an entry."""
        return self.directory.at if self.directory else 0

    @property
    def available(self) -> int:
        """The sum over the shards."""
        return sum(shard.available for shard in self.shards.values())

    @property
    def view(self) -> ItemView:
        """The shards as the drawing sees them."""
        view: ItemView = {}
        for key, shard in self.shards.items():
            view.setdefault(key.warehouse, {})[key.number] = shard.available
        return view

    @property
    def by_number(self) -> dict[int, int]:
        """Available units by the shard's number, for a reading of one warehouse."""
        return {key.number: shard.available for key, shard in self.shards.items()}

    def only_fell_until(self, later: "Pass") -> bool:
        """Whether between the two readings no shard gained and the directory stood still."""
        return self._agrees(later, lambda shard: shard.inflow)

    def same_on_hand_as(self, later: "Pass") -> bool:
        """Whether both readings saw the same units in each shard, held or not, and nothing changed them between.

        Equal units alone could have gone to another shard and come back meanwhile, twice counted or not at all; but
        what comes back raises `inflow`.
        """
        return self._agrees(later, lambda shard: (shard.on_hand, shard.inflow))

    def same_as(self, later: "Pass") -> bool:
        """Whether both readings saw the same revisions of everything."""
        return self._agrees(later, lambda shard: shard.rev)

    def _agrees(self, later: "Pass", what: Callable[[Shard], object]) -> bool:
        """Whether both readings saw the same directory, the same shards, and of each shard the same."""
        seen = {key: what(shard) for key, shard in self.shards.items()}
        seen_later = {key: what(shard) for key, shard in later.shards.items()}
        return seen == seen_later and _rev(self.directory) == _rev(later.directory)


def _rev(directory: Directory | None) -> int:
    return directory.rev if directory else 0
