"""The app as Django knows it."""

from django.apps import AppConfig


class LeadsConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.leads"
    label = "leads"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register workflow and policy."""
        from davylamp.desk.leads import flow

        flow.install()
