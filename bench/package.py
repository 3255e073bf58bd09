"""How much is deployed for the API: the zips of its functions and of the layers that they use."""

import zipfile
from io import BytesIO
from pathlib import Path

from bench.figures import Figure, Section

_FUNCTIONS = ("StockFunction", "HoldsFunction", "AdjustmentsFunction", "AuthorizerFunction")
_LAYERS = ("InventoryLayer", "DependenciesLayer")
_MB = 1_000_000


def figures(build: Path) -> Section:
    """Zips what `sam build` made, as `sam deploy` does."""
    functions = sum(_zipped_bytes(build / name) for name in _FUNCTIONS)
    layers = {name: _zipped_bytes(build / name) for name in _LAYERS}
    largest = max(sum(_unzipped_bytes(build / name) for name in (function, *_LAYERS)) for function in _FUNCTIONS)
    return Section(
        "Size of what is deployed",
        "Zips of the last build. boto3 comes with AWS's runtime and is in none of them.",
        (
            Figure("functions and layers behind the API", (functions + sum(layers.values())) / _MB, "MB", 20),
            *(Figure(name, size / _MB, "MB", note="with bytecode") for name, size in layers.items()),
            Figure("one function with its layers, unzipped", largest / _MB, "MB", 250, note="AWS's own limit"),
        ),
    )


def _zipped_bytes(folder: Path) -> int:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return len(archive.getvalue())


def _unzipped_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
