"""The network, the serving session, and the store of model versions."""
