"""What people read, as Block Kit. Pure."""
