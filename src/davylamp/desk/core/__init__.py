"""Shared by all rooms of the desk: actors of a request, workflow, errors as pages."""
