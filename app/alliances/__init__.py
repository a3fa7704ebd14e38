"""Alliances: who was bound to what, and to what it obliged, on a day."""
