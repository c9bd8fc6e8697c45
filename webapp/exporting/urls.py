"""Addresses of exports; they lie below those of cases."""

from django.urls import URLPattern, URLResolver, path

from webapp.exporting import views

app_name = "exporting"
urlpatterns: list[URLPattern | URLResolver] = [
    path("<uuid:case_id>/exports/bundles.json", views.progress_json, name="progress"),
    path("<uuid:case_id>/exports/<str:name>.<str:kind>", views.table, name="table"),
    path("bundles/<uuid:bundle_id>/", views.bundle, name="bundle"),
    path("bundles/<uuid:bundle_id>/again/", views.again, name="again"),
]
