"""The history: snapshots folded from the archive, and the chain of manifests that proves them (docs/history.md).

How a snapshot is made, in its order (`steps` is what the state machine calls):
`standing`, `scan` → `plan` → `map_task` → `reduce` (`reduce_task`, `fold`, `lives`) → `seal` → `commit` (`manifest`),
which has it audited (`audits`).
An opening of the history is reduced by `opening_task` and `opening`. What was made is read by `past`, with `excerpt`.
All have names from `layout`; columns, and DuckDB, from `columnar`.
"""
