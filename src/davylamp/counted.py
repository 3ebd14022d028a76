"""Numbers of things in English sentences: ``1 share``, ``2 shares``."""


def counted(number: float, noun: str) -> str:
    """The number and its noun, with an s unless it is one; nouns whose plural is another are written out."""
    shown = f"{number}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {noun}" if shown == "1" else f"{shown} {noun}s"
