"""Snapshots and audits on request: asked for, looked at, listed. The work itself is the state machines'."""
