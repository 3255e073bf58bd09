"""DynamoDB: the port to its client, the records' shapes, and every conditional write of the protocol."""
