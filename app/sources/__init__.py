"""Sources, which events cite, and datasets, from which events are loaded in bulk."""
