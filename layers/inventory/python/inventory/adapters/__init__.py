"""Everything outside of the process but DynamoDB: other services of AWS, DuckDB, and the disk."""
