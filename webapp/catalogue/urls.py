"""Addresses of the catalogue."""

from django.urls import URLPattern, URLResolver, path

from webapp.catalogue import views

app_name = "catalogue"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.model_list, name="list"),
    path("register/", views.register, name="register"),
    path("<uuid:model_id>/", views.model_page, name="model"),
    path("<uuid:model_id>/authorise/", views.authorise, name="authorise"),
    path("<uuid:model_id>/test/", views.test_connection, name="test"),
    path("<uuid:model_id>/secret/", views.secret, name="secret"),
]
