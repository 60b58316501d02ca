"""What is fuzzed, one module a subject; `tests.fuzz.target.all_targets` finds them by folder."""
