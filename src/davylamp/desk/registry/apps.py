"""The app as Django knows it."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the policy."""
        from davylamp.desk.registry import rules

        rules.install()
