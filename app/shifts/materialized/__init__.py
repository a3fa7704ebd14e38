"""Keeps shifts and months of every dyad in the database, and rebuilds what changed."""
