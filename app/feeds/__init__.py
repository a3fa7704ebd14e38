"""Event lists in every format but JSON, with one module for each format."""
