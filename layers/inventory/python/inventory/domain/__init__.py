"""The rules of the product, pure: no AWS, no clock, no environment."""
