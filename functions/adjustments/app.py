"""The calls that change stock other than by a sale."""

import os

from inventory.api.adjustments import OPERATIONS
from inventory.api.application import Application
from inventory.settings import Settings
from inventory.wiring import core_from

settings = Settings.from_env(os.environ, needed=("stock_table", "adjustments_table", "requests_table"))

lambda_handler = Application(OPERATIONS, core_from(settings), docs_url=settings.docs_url)
