"""Use cases: snapshots and audits are asked for, looked at and listed. Making them is the state machines' work.

What they answer, `inventory.domain.runs` has. `inventory.protocol` has the use cases of stock and holds.
"""
