"""Measurements of a real `headct up`, beside the limit of the machine they run on."""
