"""Observations from sensors, grouped into leads."""
