"""Addresses of the desk."""

from django.urls import include, path

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("davylamp.desk.api.urls")),
    path("", include("davylamp.desk.pages.urls")),
]

handler404 = "davylamp.desk.core.views.not_found"
handler500 = "davylamp.desk.core.views.failed"
