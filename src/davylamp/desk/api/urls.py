"""Addresses under ``/api/``."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from davylamp.desk.api import v1

urlpatterns = [
    path("v1/openapi.json", v1.openapi, name="api-openapi"),
    path("v1/", v1.reference, name="api-reference"),
    path("v1/", v1.api.urls),
    re_path(r"^(?P<rest>.*)$", csrf_exempt(v1.absent)),
]
