"""Addresses of signing in, of the first page, and of teams and people."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, path

from webapp.accounts import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path(
        "sign-in/", LoginView.as_view(template_name="accounts/sign_in.html", redirect_authenticated_user=True),
        name="sign-in",
    ),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("teams/", views.team_list, name="teams"),
    path("teams/home/", views.set_home, name="team-home"),
    path("teams/<uuid:team_id>/", views.team_page, name="team"),
    path("teams/<uuid:team_id>/remove/<int:member_id>/", views.remove_member, name="team-remove"),
    path("people/add/", views.add_person, name="person-add"),
]  # fmt: skip
