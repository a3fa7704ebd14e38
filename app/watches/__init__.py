"""Watches: saved questions that speak up when the record changes."""
