"""`bot check`: tests each dependency of the application, and says how to fix problems."""
