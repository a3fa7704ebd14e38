"""The explorer: a page at `/` that uses the API in a browser, without internet access."""
