"""The app as Django knows it."""

from django.apps import AppConfig


class StatisticsConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.statistics"
    label = "statistics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the policy of published figures."""
        from davylamp.desk.statistics import publish

        publish.install()
