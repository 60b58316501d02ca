"""n8n with a workflow of three nodes: webhook, code, PostgreSQL."""
