"""Editing: the write API, and what follows from a write."""
