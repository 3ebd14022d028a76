"""The app as Django knows it."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.cases"
    label = "cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register workflow and policy."""
        from davylamp.desk.cases import flow, rules

        flow.install()
        rules.install()
