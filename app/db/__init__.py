"""The database layer: it builds and runs SQL, and knows neither HTTP nor any capability."""
