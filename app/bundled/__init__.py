"""The founding data and its loader."""
