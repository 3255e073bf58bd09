"""Names of files in the history. Anyone may have given them, so only plain ones are copied and read."""

import re
from pathlib import Path
from typing import Final

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,199}"
#: Plain paths lead nowhere else, are no patterns, and none is the folder of another one, nor the same but for its case.
_PLAIN: Final = re.compile(
    rf"archive/[a-z]+/dt=[0-9-]{{1,30}}/hour=[0-9]{{1,30}}/{_NAME}"
    rf"|(?:snapshots|holds|ledger|state|opened)/as_of=[0-9TZ]{{1,30}}/{_NAME}|(?:manifests|keys|listed)/{_NAME}",
    re.ASCII,
)
#: What a manifest may name: whatever else it is, it lies in the bucket's folder, and can be looked for.
NAMED: Final = "^(?:[A-Za-z0-9][A-Za-z0-9=._-]{0,199}/){0,4}[A-Za-z0-9][A-Za-z0-9=._-]{0,199}$"
NOT_PLAIN: Final = "No such name is given in this history: it is not read."


def is_plain(path: str) -> bool:
    """Whether a path in the bucket is of the kind that the service gives."""
    return _PLAIN.fullmatch(path) is not None


def literal(path: Path) -> str:
    """A path for DuckDB, which would take `*`, `?` and `[` in it for a pattern, and read other files."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))
