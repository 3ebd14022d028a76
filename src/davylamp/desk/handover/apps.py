"""The app as Django knows it."""

from django.apps import AppConfig


class HandoverConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.handover"
    label = "handover"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register workflow and policy."""
        from davylamp.desk.handover import flow

        flow.install()
