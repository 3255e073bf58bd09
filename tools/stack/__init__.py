"""The service's stack, on this machine and elsewhere: what `make up`, `down`, `deploy`, `logs` and `invoke` do."""
