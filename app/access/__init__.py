"""Access control: API keys, and the dependencies that require one of a request."""
