"""What every template may ask for."""

from typing import Any

from django.http import HttpRequest

from davylamp import __version__


def desk(request: HttpRequest) -> dict[str, Any]:
    """The holder and the version."""
    return {"holder": getattr(request, "holder", None), "davylamp_version": __version__}
