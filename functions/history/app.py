"""The calls that take snapshots and audit them."""

import os

from inventory.api import audits, snapshots
from inventory.api.application import Application
from inventory.settings import Settings
from inventory.wiring import history_context_from

settings = Settings.from_env(
    os.environ, needed=("stock_table", "requests_table", "history_bucket", "snapshot_machine", "audit_machine")
)

OPERATIONS = (*snapshots.OPERATIONS, *audits.OPERATIONS)
lambda_handler = Application(OPERATIONS, history_context_from(settings), docs_url=settings.docs_url)
