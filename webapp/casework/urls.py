"""Addresses of comparisons."""

from django.urls import URLPattern, URLResolver, path

from webapp.casework import pair_views, views

app_name = "casework"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.comparison_list, name="list"),
    path("start/", views.start, name="start"),
    path("<uuid:comparison_id>/", views.comparison_page, name="comparison"),
    path("<uuid:comparison_id>/progress.json", views.progress_json, name="progress"),
    path("<uuid:comparison_id>/retry/", views.retry, name="retry"),
    path("<uuid:comparison_id>/<str:name>.csv", views.table_csv, name="csv"),
    path("<uuid:comparison_id>/pair/", pair_views.pair, name="pair"),
    path("<uuid:comparison_id>/pair/channel/", pair_views.channel, name="channel"),
    path("<uuid:comparison_id>/pair/probe/", pair_views.probe, name="probe"),
]
