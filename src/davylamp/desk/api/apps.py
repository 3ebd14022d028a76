"""The app as Django knows it."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
