"""Who asks: stands before every call, and knows a key by its hash."""

import os
from functools import partial

import boto3
from botocore.config import Config

from inventory.api.authorizer import Authorizer
from inventory.settings import Settings
from inventory.storage.key_records import find_key
from inventory.wiring import USER_AGENT, core_from

settings = Settings.from_env(os.environ, needed=("api_keys_table",))

# Two tries of a second each: an answer that the key could not be checked must come before the function's own timeout.
config = Config(
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,
    user_agent=USER_AGENT,
)
core = core_from(settings, client=boto3.client("dynamodb", config=config))

lambda_handler = Authorizer(partial(find_key, core.database, settings.api_keys_table))
