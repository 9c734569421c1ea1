"""The addresses of leak reports, and of what scanners look for."""

from django.urls import path

from surfaces import leak_views
from surfaces.secret_format import secret_format

urlpatterns = [
    path("v1/leaks/report", leak_views.LeakReportView.as_view(), name="leak-report"),
    path("v1/leaks/github", leak_views.GithubLeaksView.as_view(), name="leaks-github"),
    path(".well-known/secret-format.json", secret_format, name="secret-format"),
]
