"""The inventory service: stock per warehouse, two-step holds, exactly-once settlement."""
