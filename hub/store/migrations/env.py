"""Alembic's entry: runs on the connection that `hub.store.migrate` hands over."""

from alembic import context

from hub.store.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
