"""Organisations, their networks and contacts, bitemporal, in three layers."""
