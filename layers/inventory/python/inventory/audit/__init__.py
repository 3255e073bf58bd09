"""The audit workflow: the proofs of `inventory.proof` over bucket and tables, cut into parts that fit into a machine.

It shares nothing with what writes the history but the names of snapshots, audits and folders.
"""
