"""Loading: from files to the record."""
