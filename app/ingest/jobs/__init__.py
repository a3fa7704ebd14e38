"""Runs imports as durable jobs."""
