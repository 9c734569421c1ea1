"""Every setting of the service, read once from the environment, grouped by concern; docs/settings.md explains each."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

from core.keyring import check_ring
from core.keyring_file import RING_SETTINGS, read_rings
from core.logs import configure
from core.net import parse_networks
from sticker_auth import admin_theme

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
N = TypeVar("N", int, float)


def required(name: str) -> str:
    """Read a setting that has no default.

    Raises: ImproperlyConfigured naming the setting.
    """
    value = str(env.str(name, default=""))
    if not value:
        raise ImproperlyConfigured(f"{name} is missing: set it in the environment (docs/settings.md)")
    return value


def number(name: str, *, default: N, minimum: int = 0) -> N:
    """Read a number of the default's type.

    Raises: ImproperlyConfigured naming the setting when it is none, or too small.
    """
    try:
        value = type(default)(env.str(name, default=str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number without a unit") from error
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}")
    return value


def networks(name: str, *, default: list[str]) -> list[str]:
    """Read a list of CIDR networks.

    Raises: ImproperlyConfigured naming the setting.
    """
    try:
        return parse_networks(env.list(name, default=default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a comma-separated list of CIDR networks") from error


# -- What this process is
STICKER_ENV: str = env.str("STICKER_ENV", default="production")
if STICKER_ENV not in ("development", "production"):
    raise ImproperlyConfigured("STICKER_ENV must be 'development' or 'production'")
IS_PRODUCTION = STICKER_ENV == "production"
DEBUG: bool = env.bool("DEBUG", default=False)

# -- Secrets: none has a default
SECRET_KEY = required("SECRET_KEY")
STICKER_KEYRING_FILE: str = env.str("STICKER_KEYRING_FILE", default="")
_rings = read_rings(STICKER_KEYRING_FILE) if STICKER_KEYRING_FILE else {}
STICKER_PEPPERS = _rings.get("STICKER_PEPPERS") or required("STICKER_PEPPERS")
STICKER_JWT_KEYS = _rings.get("STICKER_JWT_KEYS") or required("STICKER_JWT_KEYS")
STICKER_ENCRYPTION_KEYS = _rings.get("STICKER_ENCRYPTION_KEYS") or required("STICKER_ENCRYPTION_KEYS")
STICKER_ASSERTION_KEYS = _rings.get("STICKER_ASSERTION_KEYS") or required("STICKER_ASSERTION_KEYS")
STICKER_LEDGER_KEYS = _rings.get("STICKER_LEDGER_KEYS") or required("STICKER_LEDGER_KEYS")
for _ring in RING_SETTINGS:
    check_ring(globals()[_ring], setting=_ring)
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith("django-insecure-"):
    raise ImproperlyConfigured("SECRET_KEY is weak: use at least 50 random characters")

# -- The web server: threads in each worker, each with a database connection of its own
WEB_THREADS = number("WEB_THREADS", default=2, minimum=1)

# -- The gateway's own listener: threads in each worker, and where proxies find it (for the configurations the admin prints)
GATEWAY_THREADS = number("GATEWAY_THREADS", default=4, minimum=1)
GATEWAY_URL: str = env.str("GATEWAY_URL", default="http://127.0.0.1:10000").rstrip("/")
# Partners (slugs) that are the platform's own services: their keys may introspect every partner's credentials.
PLATFORM_PARTNERS: list[str] = env.list("PLATFORM_PARTNERS", default=[])

# -- Addresses
PUBLIC_BASE_URL: str = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
EMBED_BASE_URL: str = env.str("EMBED_BASE_URL", default=PUBLIC_BASE_URL).rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[] if IS_PRODUCTION else ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXY_HOPS: int = number("TRUSTED_PROXY_HOPS", default=0)

if IS_PRODUCTION:
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off when STICKER_ENV is 'production'")
    if not ALLOWED_HOSTS or any("*" in host or host.startswith(".") for host in ALLOWED_HOSTS):
        raise ImproperlyConfigured("ALLOWED_HOSTS must list the exact host names in production, without '*' or a leading dot")
    if not (PUBLIC_BASE_URL.startswith("https://") and EMBED_BASE_URL.startswith("https://")):
        raise ImproperlyConfigured("PUBLIC_BASE_URL and EMBED_BASE_URL must be https in production")

# -- Database: PostgreSQL only
if IS_PRODUCTION:
    required("DATABASE_URL")
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", default="postgres:///sticker_auth")}
if "postgresql" not in DATABASES["default"]["ENGINE"]:
    raise ImproperlyConfigured("DATABASE_URL must be a postgres:// address")
DATABASE_STATEMENT_TIMEOUT_MS = number("DATABASE_STATEMENT_TIMEOUT_MS", default=15_000, minimum=1)
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        # Prepared statements on persistent connections: not for a transaction-mode pooler.
        "server_side_binding": True,
        "prepare_threshold": 2,
        "connect_timeout": number("DATABASE_CONNECT_TIMEOUT_SECONDS", default=3, minimum=1),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={DATABASE_STATEMENT_TIMEOUT_MS} -c lock_timeout=5000",
    }
)
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis and Celery
REDIS_URL: str = env.str("REDIS_URL", default="")
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", default="")

# -- Mail: warnings to partners; nothing is sent without a server
_mail: dict[str, Any] = env.email_url("EMAIL_URL", default="dummymail://")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"] or ""
EMAIL_PORT: int = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="sticker-auth@localhost")

# -- Limits: calls a minute, per partner and environment; a partner or key may have its own
SETUP_PER_MINUTE: int = number("SETUP_PER_MINUTE", default=100, minimum=1)
HANDSHAKE_PER_MINUTE: int = number("HANDSHAKE_PER_MINUTE", default=300, minimum=1)
REDEEM_FAILURES_PER_MINUTE: int = number("REDEEM_FAILURES_PER_MINUTE", default=30, minimum=1)
LOGIN_FAILURES_PER_MINUTE: int = number("LOGIN_FAILURES_PER_MINUTE", default=10, minimum=1)
LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE: int = number("LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE", default=60, minimum=1)
LEAK_REPORTS_PER_MINUTE: int = number("LEAK_REPORTS_PER_MINUTE", default=30, minimum=1)
for _limit in ("SETUP_PER_MINUTE", "HANDSHAKE_PER_MINUTE", "REDEEM_FAILURES_PER_MINUTE"):
    if globals()[_limit] < 1:
        raise ImproperlyConfigured(f"{_limit} must be at least 1")

# -- Calls to the outside: networks that are reachable although they are not public
EGRESS_ALLOWED_NETWORKS: list[str] = networks("EGRESS_ALLOWED_NETWORKS", default=[])
EGRESS_NAMESERVERS: list[str] = env.list("EGRESS_NAMESERVERS", default=[])
if not all(re.fullmatch(r"([0-9.]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?", each) for each in EGRESS_NAMESERVERS):
    raise ImproperlyConfigured("EGRESS_NAMESERVERS must list addresses, as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]")
# Where the keys are that sign what GitHub's secret scanning reports; empty closes that door.
GITHUB_KEYS_URL: str = env.str("GITHUB_KEYS_URL", default="https://api.github.com/meta/public_keys/secret_scanning")

# -- Webhooks: how each process of the pump sends, and how long deliveries stay
WEBHOOK_MAX_ENDPOINTS: int = number("WEBHOOK_MAX_ENDPOINTS", default=20, minimum=1)
WEBHOOK_SOCKETS: int = number("WEBHOOK_SOCKETS", default=200, minimum=2)
WEBHOOK_KEEP_CONNECTIONS: bool = env.bool("WEBHOOK_KEEP_CONNECTIONS", default=True)
WEBHOOK_ATTEMPT_SECONDS: float = number("WEBHOOK_ATTEMPT_SECONDS", default=15.0, minimum=1)
WEBHOOK_LEASE_SECONDS: float = number("WEBHOOK_LEASE_SECONDS", default=60.0, minimum=2)
WEBHOOK_FIRST_RETRY_SECONDS: float = number("WEBHOOK_FIRST_RETRY_SECONDS", default=60.0)
if WEBHOOK_LEASE_SECONDS < 2 * WEBHOOK_ATTEMPT_SECONDS:
    raise ImproperlyConfigured("WEBHOOK_LEASE_SECONDS must be at least twice WEBHOOK_ATTEMPT_SECONDS")
WEBHOOK_BODY_RETENTION = timedelta(days=number("WEBHOOK_BODY_RETENTION_DAYS", default=7, minimum=1))
WEBHOOK_UNDELIVERED_RETENTION = timedelta(days=number("WEBHOOK_UNDELIVERED_RETENTION_DAYS", default=30, minimum=1))
WEBHOOK_DELIVERY_RETENTION = timedelta(days=number("WEBHOOK_DELIVERY_RETENTION_DAYS", default=90, minimum=1))
if not WEBHOOK_BODY_RETENTION <= WEBHOOK_UNDELIVERED_RETENTION <= WEBHOOK_DELIVERY_RETENTION:
    raise ImproperlyConfigured(
        "WEBHOOK_BODY_RETENTION_DAYS, WEBHOOK_UNDELIVERED_RETENTION_DAYS and WEBHOOK_DELIVERY_RETENTION_DAYS must not fall"
    )

# -- Organization sync: threads in each process that syncs, and how many organizations one provider is asked for at once
SYNC_THREADS: int = number("SYNC_THREADS", default=4, minimum=1)
SYNC_CALLS_PER_PROVIDER: int = number("SYNC_CALLS_PER_PROVIDER", default=4, minimum=1)
SYNC_RUN_RETENTION = timedelta(days=number("SYNC_RUN_RETENTION_DAYS", default=30, minimum=1))

# -- Lifetimes
SESSION_TOKEN_LIFETIME = timedelta(seconds=number("SESSION_TOKEN_SECONDS", default=300, minimum=1))
EMBED_IDLE_LIFETIME = timedelta(seconds=number("EMBED_IDLE_SECONDS", default=900, minimum=1))
EMBED_ABSOLUTE_LIFETIME = timedelta(seconds=number("EMBED_ABSOLUTE_SECONDS", default=36_000, minimum=1))
EMBED_ACCESS_TOKEN_LIFETIME = timedelta(seconds=number("EMBED_ACCESS_TOKEN_SECONDS", default=300, minimum=1))
RESELLER_TOKEN_LIFETIME = timedelta(seconds=number("RESELLER_TOKEN_SECONDS", default=3600, minimum=60))
STOREFRONT_TOKEN_LIFETIME = timedelta(seconds=number("STOREFRONT_TOKEN_SECONDS", default=900, minimum=10))
LOGIN_IDLE_LIFETIME = timedelta(seconds=number("LOGIN_IDLE_SECONDS", default=86_400, minimum=60))
LOGIN_ABSOLUTE_LIFETIME = timedelta(seconds=number("LOGIN_ABSOLUTE_SECONDS", default=2_592_000, minimum=60))
if timedelta(hours=24) < RESELLER_TOKEN_LIFETIME:
    raise ImproperlyConfigured("RESELLER_TOKEN_SECONDS must be at most 86400")
if timedelta(hours=1) < STOREFRONT_TOKEN_LIFETIME:
    raise ImproperlyConfigured("STOREFRONT_TOKEN_SECONDS must be at most 3600")
if not timedelta(seconds=1) <= SESSION_TOKEN_LIFETIME <= timedelta(seconds=300):
    raise ImproperlyConfigured("SESSION_TOKEN_SECONDS must lie between 1 and 300")
if not timedelta(seconds=10) <= EMBED_ACCESS_TOKEN_LIFETIME <= timedelta(seconds=300):
    raise ImproperlyConfigured("EMBED_ACCESS_TOKEN_SECONDS must lie between 10 and 300")

# -- Retention: how long what is spent stays before the purge takes it
SESSION_TOKEN_RETENTION = timedelta(hours=number("SESSION_TOKEN_RETENTION_HOURS", default=24, minimum=1))
EMBED_SESSION_RETENTION = timedelta(days=number("EMBED_SESSION_RETENTION_DAYS", default=30, minimum=1))
IDEMPOTENCY_RETENTION = timedelta(hours=number("IDEMPOTENCY_RETENTION_HOURS", default=24, minimum=1))
ADDRESS_RETENTION = timedelta(days=number("ADDRESS_RETENTION_DAYS", default=30, minimum=1))
KEY_USAGE_RETENTION = timedelta(days=number("KEY_USAGE_RETENTION_DAYS", default=400, minimum=1))
LOGIN_SESSION_RETENTION = timedelta(days=number("LOGIN_SESSION_RETENTION_DAYS", default=30, minimum=1))
KNOWN_LOGIN_RETENTION = timedelta(days=number("KNOWN_LOGIN_RETENTION_DAYS", default=90, minimum=1))
RATE_LIMIT_STATE_RETENTION = timedelta(hours=1)

# -- Counters gathered in memory; 0 writes them only on exit or when asked (tests)
BATCH_FLUSH_SECONDS = number("BATCH_FLUSH_SECONDS", default=5.0)
if BATCH_FLUSH_SECONDS > 10:
    raise ImproperlyConfigured("BATCH_FLUSH_SECONDS must be at most 10")

# -- The ledger: where the checkpoints of its seals are appended, besides the log
LEDGER_CHECKPOINT_FILE: str = env.str("LEDGER_CHECKPOINT_FILE", default="")

# -- Applications
ADMIN_THEME: str = env.str("ADMIN_THEME", default="unfold")
if ADMIN_THEME not in ("unfold", "plain"):
    raise ImproperlyConfigured("ADMIN_THEME must be 'unfold' or 'plain'")
UNFOLD = admin_theme.UNFOLD
INSTALLED_APPS = [
    *(["unfold.apps.BasicAppConfig"] if ADMIN_THEME == "unfold" else []),
    "sticker_auth.apps.StickerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audit",
    "partners",
    "organizations",
    "sessions_app",
    "surfaces",
    "webhooks",
    "sticker_auth.apps.StickerAuthConfig",
]

# What follows the shortcut is for pages: an API request goes past it.
MIDDLEWARE = [
    "core.middleware.RequestLog",
    "sticker_auth.middleware.HttpsOnlyApi",
    "django.middleware.security.SecurityMiddleware",
    "sticker_auth.middleware.ApiShortcut",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "sticker_auth.middleware.PagePolicy",
]
ROOT_URLCONF = "sticker_auth.urls"
WSGI_APPLICATION = "sticker_auth.wsgi.application"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- Cookies, transport and passwords of the staff admin
SESSION_COOKIE_NAME = "__Host-sticker-staff"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = number("STAFF_SESSION_SECONDS", default=12 * 3600, minimum=1)
CSRF_COOKIE_NAME = "__Host-sticker-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_REDIRECT_EXEMPT = [
    r"^v1/",
    r"^(Reseller|Orders|Storefront|Payment|Supplier|Login)/",
    r"^embedded/",
    r"^sandbox/",
    r"^healthz$",
    r"^readyz$",
]
SECURE_HSTS_SECONDS = 31_536_000 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_PRODUCTION
SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_HOPS else None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# -- Language, time, static files
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "static_root"))
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# -- REST framework and its documentation
REST_FRAMEWORK = {
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sticker Auth",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "AUTHENTICATION_WHITELIST": [],  # sticker_auth.openapi says which credential opens what
    "PARSER_WHITELIST": ["rest_framework.parsers.JSONParser"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "sticker_auth.openapi.complete"],
}

# -- Logs: JSON lines on stderr, secrets masked
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured("LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
LOGGING = configure(LOG_LEVEL)
LOGGING_CONFIG = "logging.config.dictConfig"
