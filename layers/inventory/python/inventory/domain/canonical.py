"""Canonical JSON: equal values are equal texts."""

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """The value as JSON with its keys in order and no spaces.

    Raises:
        TypeError: It has something that JSON lacks.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
