"""Setting up a new installation: its first files, and the app's manifest."""
