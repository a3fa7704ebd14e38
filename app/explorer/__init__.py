"""The page at `/`: what the API can do, in a browser, with no internet."""
