"""The history's bucket, as an auditor reads it."""
