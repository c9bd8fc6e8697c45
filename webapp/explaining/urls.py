"""Addresses of explanations; they lie below those of comparisons."""

from django.urls import URLPattern, URLResolver, path

from webapp.explaining import views

app_name = "explaining"
urlpatterns: list[URLPattern | URLResolver] = [
    path("<uuid:comparison_id>/pair/why/", views.why, name="why"),
    path("<uuid:comparison_id>/pair/why/ask/", views.ask, name="ask"),
    path("<uuid:comparison_id>/pair/why/progress.json", views.progress_json, name="progress"),
    path("<uuid:comparison_id>/pair/why/<str:name>.csv", views.table_csv, name="csv"),
]
