"""Addresses of cases."""

from django.urls import URLPattern, URLResolver, path

from webapp.casework.cases import views

app_name = "cases"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.case_list, name="list"),
    path("start/", views.start, name="start"),
    path("<uuid:case_id>/", views.case_page, name="case"),
    path("<uuid:case_id>/progress.json", views.progress_json, name="progress"),
    path("<uuid:case_id>/attachments/<int:attachment_id>/", views.attachment, name="attachment"),
    path("<uuid:case_id>/reports/<uuid:report_id>/<str:name>", views.report_file, name="report-file"),
    path("<uuid:case_id>/do/<str:act>/", views.act, name="act"),
    path("<uuid:case_id>/<str:section>/", views.section, name="section"),
]
