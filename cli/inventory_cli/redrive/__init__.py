"""What became of messages that no function could handle, and how they are given back."""
