"""The `inventory` command: stock, holds, the history and its proofs, keys and queues of any deployed stack."""
