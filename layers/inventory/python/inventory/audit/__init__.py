"""The audit workflow: the proofs of `inventory.proof` over bucket and tables, cut into parts that fit into a machine.

In its order (`steps` is what the state machine calls): `plan` → `scan` → `listing` → `buckets`, `chain` → `report`.
It shares nothing with what writes the history but the names of snapshots, audits and folders.
"""
