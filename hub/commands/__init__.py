"""The `hub` command's parts, one module per subject; `hub/cli.py` puts them together."""
