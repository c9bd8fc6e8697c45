"""Addresses of suites and collections."""

from django.urls import URLPattern, URLResolver, path

from webapp.probing import views

app_name = "probing"
urlpatterns: list[URLPattern | URLResolver] = [
    path("suites/", views.suite_list, name="suites"),
    path("suites/store/", views.store_shipped, name="store-shipped"),
    path("suites/own/", views.store_own, name="store-own"),
    path("suites/<uuid:suite_id>/", views.suite_page, name="suite"),
    path("collections/", views.collection_list, name="collections"),
    path("collections/start/", views.start, name="start"),
    path("collections/progress.json", views.progress_json, name="progress"),
    path("collections/<uuid:collection_id>/", views.collection_page, name="collection"),
    path("collections/<uuid:collection_id>/resume/", views.resume, name="resume"),
    path("collections/<uuid:collection_id>/segment/<int:number>/", views.choose_segment, name="segment"),
    path("collections/<uuid:collection_id>/<str:act>/", views.act, name="act"),
    path("completions/<int:completion_id>/", views.attempts, name="attempts"),
    path("attempts/<int:attempt_id>/<str:part>/", views.attempt_bytes, name="attempt"),
    path("completions/<int:completion_id>/raw/", views.raw, name="raw"),
]
