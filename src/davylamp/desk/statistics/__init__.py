"""Figures with a definition, an as-of time and revisions."""
