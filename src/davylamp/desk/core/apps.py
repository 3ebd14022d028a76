"""The app as Django knows it."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the policy of saved views and the calendar."""
        from davylamp.desk.core import calendar, saved_views

        saved_views.install()
        calendar.install()
