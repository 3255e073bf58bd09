"""The HTTP edge: reads requests strictly, calls one use case, and answers in one shape."""
