"""Many changes of stock at once, from a file."""
