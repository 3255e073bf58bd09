"""The use cases, one file for each sentence of the protocol."""
