"""The key's own doors."""

from django.urls import path

from partners import views

urlpatterns = [
    path("whoami", views.WhoAmI.as_view(), name="whoami"),
    path("keys/self", views.OwnKey.as_view(), name="own-key"),
    path("keys/self/rotate", views.RotateOwnKey.as_view(), name="own-key-rotate"),
    path("keys/self/revoke", views.RevokeOwnKey.as_view(), name="own-key-revoke"),
]
