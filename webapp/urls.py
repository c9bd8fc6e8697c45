"""The root of all addresses."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("webapp.accounts.urls")),
    path("models/", include("webapp.catalogue.urls")),
    path("", include("webapp.probing.urls")),
    path("comparisons/", include("webapp.casework.urls")),
    path("comparisons/", include("webapp.explaining.urls")),
    path("cases/", include("webapp.exporting.urls")),
    path("cases/", include("webapp.casework.cases.urls")),
    path("custody/", include("webapp.custody.urls")),
    path("validation/", include("webapp.engine.urls")),
    path("help/", include("webapp.help.urls")),
]
