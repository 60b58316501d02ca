"""Everything a connector may import: its contract, the records, the errors, the HTTP client."""
