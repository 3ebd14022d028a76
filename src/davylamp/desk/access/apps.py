"""The app as Django knows it."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the policy of accounts."""
        from davylamp.desk.access import rules

        rules.install()
