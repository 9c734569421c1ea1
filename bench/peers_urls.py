"""The same small answer behind nothing at all, behind a bare DRF view, and behind each of the other libraries."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from knox.auth import TokenAuthentication
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey
from rest_framework_simplejwt.authentication import JWTAuthentication


def bare_django(_request: HttpRequest) -> JsonResponse:
    """Answer without any library."""
    return JsonResponse({"ok": True})


class BareView(APIView):
    """A DRF view that asks for nothing."""

    authentication_classes: Any = ()
    permission_classes: Any = ()

    def get(self, _request: Request) -> Response:
        return Response({"ok": True})


class ApiKeyView(BareView):
    permission_classes = (HasAPIKey,)


class KnoxView(BareView):
    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)


class OAuthView(KnoxView):
    authentication_classes = (OAuth2Authentication,)


class JwtView(KnoxView):
    authentication_classes = (JWTAuthentication,)


urlpatterns = [
    path("django", bare_django),
    path("drf", BareView.as_view()),
    path("api-key", ApiKeyView.as_view()),
    path("knox", KnoxView.as_view()),
    path("oauth", OAuthView.as_view()),
    path("jwt", JwtView.as_view()),
]
