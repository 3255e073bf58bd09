"""What runs behind the streams and the clock: archiving, settling, collecting, projecting, sweeping."""
