"""Addresses of the engine's validation."""

from django.urls import URLPattern, URLResolver, path

from webapp.engine import views

app_name = "engine"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.validation, name="validation"),
    path("<str:name>.csv", views.table_csv, name="csv"),
]
