"""Sizing: from the work of a session to a hashrate with its interval (``docs/concepts/5-sizing.md``)."""
