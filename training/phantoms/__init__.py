"""Synthetic head-CT slices of every level, drawn in Hounsfield units: for demo, tests and pretraining."""
