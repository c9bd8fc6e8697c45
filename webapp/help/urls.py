"""Addresses of the help."""

from django.urls import URLPattern, URLResolver, path

from webapp.help import views

app_name = "help"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.index, name="index"),
    path("tippett-example.csv", views.example_csv, name="csv"),
    path("<slug:slug>/", views.page, name="page"),
]
