"""Whatever fails, in whatever order: every record counts once, and state is a fold of the log."""

from __future__ import annotations

from tests.simulator.machine import Shop
from tests.simulator.profile import budget

TestShop = Shop.TestCase
TestShop.settings = budget(500)
