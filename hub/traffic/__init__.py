"""Limits and breakers of outgoing calls, shared by all workers of the hub through Redis.

model: the words and the rules · local: the state in one process · shared: the same in Redis ·
roads: what a connection gets, and what pages show.
"""
