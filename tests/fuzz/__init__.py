"""Fuzzers: hostile input for every parser, the gateway, the drain, mappings, files and the API."""
