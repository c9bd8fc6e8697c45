from django.apps import AppConfig


class ProbingConfig(AppConfig):
    name = "webapp.probing"
    label = "probing"
