"""The addresses of the pages by which a person connects an organization."""

from django.urls import path

from organizations import connect_pages

urlpatterns = [
    path("callback", connect_pages.callback, name="connect-callback"),
    path("<uuid:link_id>", connect_pages.connect_page, name="connect"),
    path("<uuid:link_id>/start", connect_pages.start, name="connect-start"),
]
