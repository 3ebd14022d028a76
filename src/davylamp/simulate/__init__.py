"""Labelled captures from the dialects' own message shapes: no hashing, shares fall as they do in nature.

Beside the stages, never below them: it speaks through ``compose`` of the dialect files.
"""
