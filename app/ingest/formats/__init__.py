"""The file formats: one module each, which parses the cells of a row into a record. Pure."""
