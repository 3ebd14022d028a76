"""Sizing: from the work of a session to a hashrate with its interval (``docs/concepts/4-sizing.md``)."""
