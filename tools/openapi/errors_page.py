"""docs/errors.md: what each error code means and what to do about it."""

from inventory.api.error_reference import CODES

_HEAD = """\
# Errors

Every error but [one](#request_too_large) has one shape. Its `code` is one of those below, and its `doc_url` leads to
that code's paragraph:

```json
{"error": {"type": "…", "code": "…", "message": "…", "param": "…", "request_id": "…", "doc_url": "…"}}
```

The header `Stripe-Should-Retry` says whether the same request may succeed later; `Retry-After` says after how many
seconds.

- After 409 and 429 nothing was held, sold or booked: you may send the same request again. Only a split or merge may be
  done in part, and goes on from there.
- After 500 and 503 the outcome may be unknown. The header then says to retry only if the request has an
  `Idempotency-Key`, changes nothing, or was refused before anything was begun. Answers that the gateway makes itself
  are an exception.
- After all others, send another request.

"""


def errors_page() -> str:
    """The page, in Markdown: a table by status, and each code as a heading, and so an anchor."""
    statuses = sorted({code.status for code in CODES.values()})
    rows = (f"| {status} | {' · '.join(_links(status))} |\n" for status in statuses)
    table = "| status | codes |\n| --- | --- |\n" + "".join(rows)
    return _HEAD + table + "".join(f"\n## {name}\n\n{code.status}. {code.meaning}\n" for name, code in CODES.items())


def _links(status: int) -> list[str]:
    return [f"[`{name}`](#{name})" for name, code in CODES.items() if code.status == status]
