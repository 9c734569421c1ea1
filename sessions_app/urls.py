"""The addresses of sessions and of the embed page."""

from django.urls import path

from sessions_app import embed, views

urlpatterns = [
    path("v1/partner/handshake", views.HandshakeView.as_view(), name="handshake"),
    path("v1/sessions/redeem", views.RedeemView.as_view(), name="session-redeem"),
    path("v1/sessions/current", views.CurrentView.as_view(), name="session-current"),
    path("v1/sessions/refresh", views.RefreshView.as_view(), name="session-refresh"),
    path("v1/sessions/heartbeat", views.HeartbeatView.as_view(), name="session-heartbeat"),
    path("v1/sessions/logout", views.LogoutView.as_view(), name="session-logout"),
    path("v1/sessions/<uuid:session_id>", views.SessionView.as_view(), name="session"),
    # A partner's own ids may hold slashes.
    path("v1/users/<path:internal_user_id>/sessions", views.UserSessionsView.as_view(), name="user-sessions"),
    path("embedded/<uuid:partner_id>", embed.live_page, name="embed-live"),
    path("sandbox/embedded/<uuid:partner_id>", embed.sandbox_page, name="embed-sandbox"),
]
