"""The content of messages, modals and the Home tab, as Block Kit. Pure."""
