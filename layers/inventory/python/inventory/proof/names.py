"""Names of files in the history. Anyone may have given them, so only plain ones are copied and read."""

import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,199}"
#: Plain paths lead nowhere else, are no patterns, and none is the folder of another one, nor the same but for its case.
_PLAIN: Final = re.compile(
    rf"(?:snapshots|holds|ledger|state|opened)/as_of=[0-9TZ]{{1,30}}/{_NAME}|(?:manifests|keys|listed)/{_NAME}",
    re.ASCII,
)
#: What the archiver calls an object: its table, its hour, its batch, and the first and last number in the stream.
_ARCHIVED: Final = re.compile(
    r"archive/(?:stock|holds|adjustments)/(dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/hour=[0-9]{2})/"
    r"[0-9a-f]{16}-[0-9]{1,64}-[0-9]{1,64}[.]jsonl[.]gz"
)
_HOURS_KEPT_MAX: Final = 1_024
#: What a manifest may name: whatever else it is, it lies in the bucket's folder, and can be looked for.
NAMED: Final = "^(?:[A-Za-z0-9][A-Za-z0-9=._-]{0,199}/){0,4}[A-Za-z0-9][A-Za-z0-9=._-]{0,199}$"
NOT_PLAIN: Final = "No such name is given in this history: it is not read."


def is_plain(path: str) -> bool:
    """Whether a path in the bucket is of the kind that the service gives."""
    archived = _ARCHIVED.fullmatch(path)
    return _is_hour(archived[1]) if archived else _PLAIN.fullmatch(path) is not None


@lru_cache(_HOURS_KEPT_MAX)
def _is_hour(folder: str) -> bool:
    """Whether there is such a day, and such an hour."""
    try:
        datetime.strptime(folder, "dt=%Y-%m-%d/hour=%H")  # noqa: DTZ007 no instant is made of it
    except ValueError:
        return False
    return True


def literal(path: Path) -> str:
    """A path for DuckDB, which would take `*`, `?` and `[` in it for a pattern, and read other files."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))
