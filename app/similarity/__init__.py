"""Compares states by their alliances and their votes; knows nothing of event shifts."""
