"""Addresses of the custody log."""

from django.urls import URLPattern, URLResolver, path

from webapp.custody import views

app_name = "custody"
urlpatterns: list[URLPattern | URLResolver] = [path("", views.log, name="log")]
