"""Addresses of probing."""

from django.urls import URLPattern, URLResolver

app_name = "probing"
urlpatterns: list[URLPattern | URLResolver] = []
