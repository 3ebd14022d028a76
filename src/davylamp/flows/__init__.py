"""Packet columns to flows, and the bytes of those that are worth reading put in order."""
