"""SQLite and PostgreSQL: engine, migrations, locks and connection errors."""
