"""Files by address: fetched over HTTP with checks on where they come from and what arrives."""
