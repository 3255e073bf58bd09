"""Writes docs/openapi.json and docs/errors.md: `python -m openapi`. A test compares them with what it would write."""

import json
from pathlib import Path

from openapi.document import document
from openapi.errors_page import errors_page

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> dict[Path, str]:
    """What is to stand in each file."""
    return {
        DOCS / "openapi.json": json.dumps(document(), indent=2, ensure_ascii=False) + "\n",
        DOCS / "errors.md": errors_page(),
    }


def main() -> None:
    """Writes the files."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
