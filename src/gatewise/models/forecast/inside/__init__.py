"""What lies behind the forecast of one series, to look into."""
