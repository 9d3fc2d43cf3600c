"""The tables, one file a family. No row holds a credential."""
