"""Turns records into stored documents, indexes and sums, batch by batch."""
