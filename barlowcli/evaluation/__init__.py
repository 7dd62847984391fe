"""Probes of frozen representations."""
