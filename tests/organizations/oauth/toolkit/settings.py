"""A stock project with django-oauth-toolkit in it."""

import os

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["TOOLKIT_DATABASE"],
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tests.organizations.oauth.toolkit.urls.SignedIn",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "tests.organizations.oauth.toolkit.urls"
WSGI_APPLICATION = "tests.organizations.oauth.toolkit.wsgi.application"
USE_TZ = True
OAUTH2_PROVIDER = {
    "SCOPES": {"org.read": "Read organizations"},
    "DEFAULT_SCOPES": ["org.read"],
    "PKCE_REQUIRED": True,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 30,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["http"],
}
