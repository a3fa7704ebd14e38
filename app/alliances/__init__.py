"""Alliances: their members, and the ties and obligations of an actor, on any day."""
