"""Flask and Procrastinate: jobs, contacts and calls in one PostgreSQL."""
