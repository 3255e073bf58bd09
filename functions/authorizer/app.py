"""Who asks: stands before every call, and knows a key by its hash."""

import os

from inventory.api.authorizer import Authorizer
from inventory.settings import Settings
from inventory.wiring import keys_from

settings = Settings.from_env(os.environ, needed=("api_keys_table",))

lambda_handler = Authorizer(keys_from(settings))
