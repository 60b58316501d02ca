"""Alembic's entry: runs on the connection that `hub.store.migrate` hands over."""

from alembic import context

from hub.store.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
