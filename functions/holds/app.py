"""The calls on holds."""

import os

from inventory.api.application import Application
from inventory.api.holds import OPERATIONS
from inventory.settings import Settings
from inventory.wiring import core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "holds_table", "requests_table", "availability_table"))

core = core_from(settings)

lambda_handler = Application(OPERATIONS, core, docs_url=settings.docs_url, begun=core.clock.compare)
