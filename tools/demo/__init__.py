"""A visible story, played against the stack that `make up` started: what the service promises, seen to be kept."""
