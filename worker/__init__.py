"""The Celery app, its two thin tasks, and the model that a process holds."""
