"""Lists of events in every form but JSON: one module a form."""
