"""Settings, errors and logging: what every other package may use."""
