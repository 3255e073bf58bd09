"""The API's reference, made from the table of operations: docs/openapi.json and docs/errors.md. No network, no AWS."""
