"""Actors: who they are, every name they go by, what they belong to."""
