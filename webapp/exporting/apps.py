from django.apps import AppConfig


class ExportingConfig(AppConfig):
    name = "webapp.exporting"
    label = "exporting"
