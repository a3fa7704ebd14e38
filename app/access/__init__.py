"""Access: who may read and write, by keys that are shown once."""
