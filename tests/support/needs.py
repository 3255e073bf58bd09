"""What each function cannot do without: the variables of its environment, by the name of its folder."""

from typing import Final

STOCK, HOLDS, ADJUSTMENTS = "STOCK_TABLE", "HOLDS_TABLE", "ADJUSTMENTS_TABLE"
REQUESTS, AVAILABILITY = "REQUESTS_TABLE", "AVAILABILITY_TABLE"
HISTORY, SCRATCH, ASIDE = "HISTORY_BUCKET", "SCRATCH_BUCKET", "POISON_QUEUE_URL"

NEEDED: Final = {
    "adjustments": [STOCK, ADJUSTMENTS, REQUESTS],
    "archiver": [STOCK, HOLDS, ADJUSTMENTS, HISTORY, ASIDE],
    "audit": [HISTORY, SCRATCH, "SIGNING_KEY"],
    "audit_report": [HISTORY, SCRATCH, "GLUE_DATABASE", "EVENT_BUS"],
    "audit_scan": [STOCK, HOLDS, ADJUSTMENTS, HISTORY, SCRATCH],
    "authorizer": ["API_KEYS_TABLE"],
    "collector": [STOCK, HOLDS, ASIDE],
    "history": [STOCK, REQUESTS, HISTORY, "SNAPSHOT_MACHINE", "AUDIT_MACHINE"],
    "holds": [STOCK, HOLDS, REQUESTS, AVAILABILITY],
    "projector": [STOCK, AVAILABILITY, ASIDE],
    "settler": [STOCK, HOLDS, ASIDE],
    "snapshot": [HISTORY, SCRATCH],
    "snapshot_commit": [HISTORY, SCRATCH, "GLUE_DATABASE", "SIGNING_KEY", "AUDIT_MACHINE"],
    "snapshot_scan": [STOCK, HOLDS, ADJUSTMENTS, SCRATCH],
    "stock": [STOCK, AVAILABILITY],
    "stock_at": [HISTORY],
    "sweeper": [STOCK, HOLDS, AVAILABILITY],
}
