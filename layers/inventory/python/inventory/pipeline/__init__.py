"""What runs behind the streams and the clock: settling, projecting, sweeping."""
