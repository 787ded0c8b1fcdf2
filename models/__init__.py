"""The network, its preprocessing, and the store of model versions."""
