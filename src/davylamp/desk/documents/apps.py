"""The app as Django knows it."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Names the app and its label."""

    name = "davylamp.desk.documents"
    label = "documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the policy of documents."""
        from davylamp.desk.documents import services

        services.install()
