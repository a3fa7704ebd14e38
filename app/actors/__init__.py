"""Actors: their names and codes, their memberships, and their relations in events."""
