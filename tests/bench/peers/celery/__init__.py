"""Flask and Celery over Redis, acknowledged after the work."""
