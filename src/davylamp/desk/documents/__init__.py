"""Numbered documents from templates that an office can edit."""
