"""`bot check`: everything the application depends on, tried one by one, each with what to do about it."""
