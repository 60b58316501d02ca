"""The same job in other stacks, side by side with the hub: `make bench-peers`. See README.md."""
