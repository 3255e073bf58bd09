"""The `inventory` command: stock, holds, keys and on-failure queues of any deployed stack, from a terminal."""
