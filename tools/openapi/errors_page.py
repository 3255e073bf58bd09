"""docs/errors.md: what each error code means and what to do about it."""

from inventory.api.errors import CODES

_HEAD = """\
# Errors

Every error has one shape, its `code` is one of these, and `doc_url` leads to its paragraph here:

```json
{"error": {"type": "…", "code": "…", "message": "…", "param": "…", "request_id": "…", "doc_url": "…"}}
```

The header `Stripe-Should-Retry` says whether the same request may succeed later, `Retry-After` after how many seconds.
"""


def errors_page() -> str:
    """The page, in Markdown; each code is a heading, and so an anchor."""
    return _HEAD + "".join(f"\n## {code}\n\n{meaning}\n" for code, meaning in CODES.items())
