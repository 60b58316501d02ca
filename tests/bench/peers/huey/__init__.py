"""Flask and Huey: the queue in SQLite."""
