"""The machine, run as a test: see `property.machine`."""

import pytest

from property.machine import Inventory

TestInventory = pytest.mark.timeout(0)(Inventory.TestCase)
