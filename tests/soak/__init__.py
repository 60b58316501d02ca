"""The soak: a known script of events through a whole hub while everything around it is broken."""
