"""The write API, and the updates to other documents that a write causes."""
