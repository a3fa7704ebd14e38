"""One module for each format: from the cells of a row to an event as given. Pure."""
