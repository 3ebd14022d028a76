"""The app as Django knows it."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.pages"
    label = "pages"
    default_auto_field = "django.db.models.BigAutoField"
