"""What those who run the service ask it: whether it is alive and ready, its metrics and limits."""
