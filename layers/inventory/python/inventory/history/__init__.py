"""The history: snapshots folded from the archive, and the chain of manifests that proves them (docs/history.md)."""
