"""Who asks: stands before every call, and knows a key by its hash."""

import os
from functools import partial

import boto3

from inventory.api.authorizer import Authorizer
from inventory.settings import Settings
from inventory.storage.key_records import find_key
from inventory.wiring import BRIEF_CONFIG, core_from

settings = Settings.from_env(os.environ, needed=("api_keys_table",))

core = core_from(settings, client=boto3.client("dynamodb", config=BRIEF_CONFIG))

lambda_handler = Authorizer(partial(find_key, core.database, settings.api_keys_table))
