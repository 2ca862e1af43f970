"""Every setting, from the environment. Development needs none; production refuses unsafe ones."""

import hashlib
import ipaddress
import logging
import re
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from alice.common.env import Env, EnvironmentFaults
from alice.common.tiers import Entitlements
from alice.runtime.state import attached_urls

django_stubs_ext.monkeypatch()

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# Core

ENVIRONMENT = env.choice("ALICE_ENV", ["development", "production"], "development")
IS_PRODUCTION = ENVIRONMENT == "production"
VERSION = "1.0.0"
DEBUG = env.boolean("DEBUG", default=False)
DATA_DIR = env.path("ALICE_DATA_DIR", BASE_DIR / ".data")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
PUBLIC_URL = env.url(
    "PUBLIC_URL",
    f"http://{HOST}:{PORT}",
    schemes=["https"] if IS_PRODUCTION else ["http", "https"],
).rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or (
    [PUBLIC_HOST] if IS_PRODUCTION else [PUBLIC_HOST, HOST, "localhost", "127.0.0.1", "[::1]"]
)
MAIL_DOMAIN = PUBLIC_HOST if IS_PRODUCTION else "localhost"
API_PREFIX = "/api/"
ROOT_URLCONF = "alice.urls"
WSGI_APPLICATION = None
ASGI_APPLICATION = "alice.asgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "alice.formats"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def development_key() -> str:
    """A key of this data directory's own, made once, so that tokens outlive a restart."""
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            path.hardlink_to(temporary)  # fails when a process beside this one was first
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        return path.read_text(encoding="ascii")


SECRET_KEY = env.secret("SECRET_KEY") or ("" if IS_PRODUCTION else development_key())
if len(SECRET_KEY) < 32:
    env.fault("SECRET_KEY must be set to at least 32 random characters (or SECRET_KEY_FILE).")
    SECRET_KEY = "x" * 32
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")

# Secrets: Fernet keys, the first of which encrypts; after them come keys derived from SECRET_KEY

ENCRYPTION_KEYS = [key.strip() for key in env.secret("ENCRYPTION_KEYS").split(",") if key.strip()]

# Apps

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "alice.common.admin_config.AdminConfig",
    "accounts",  # above Django's: its changepassword ends sessions
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "djstripe",
    "system",
    "collaboration",
    "billing",
    "files",
    "media",
    "content",
    "search",
    "ai",
    "notifications",
    "analytics",
    "integrations",
]

MIDDLEWARE = [
    "alice.common.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "alice.common.middleware.PageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

# Database and Redis: the environment's, else those of the `up` that holds the data directory

attached = attached_urls(DATA_DIR)
DATABASE_URL = env.url(
    "DATABASE_URL",
    attached.database_url if attached else "",
    schemes=["postgres", "postgresql"],
)
REDIS_URL = env.url(
    "REDIS_URL",
    attached.redis_url if attached else "",
    schemes=["redis", "rediss", "unix"],
)
if IS_PRODUCTION and not (DATABASE_URL and REDIS_URL):
    env.fault(
        "DATABASE_URL and REDIS_URL must be set in production, or `manage.py up` be running."
    )
NOWHERE_SOCKET = "/nonexistent/start-it-with-make-run"


def database_from(url: str) -> dict[str, object]:
    """Django's dictionary for a libpq URI; `host` may be a socket directory in the query."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options = {
        "connect_timeout": 3,
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
    }
    return {
        "ENGINE": "alice.common.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "alice",
        "USER": unquote(parts.username or "alice"),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or NOWHERE_SOCKET,
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | query,
    }


# Requests are bounded; migrations and tasks take the time they need.
PROCESS = env.text("ALICE_PROCESS", "command")
STATEMENT_TIMEOUT_MS = env.integer("STATEMENT_TIMEOUT_MS", 10_000) if PROCESS == "web" else 0
DATABASES = {"default": database_from(DATABASE_URL)}
REDIS_URL = REDIS_URL or f"unix://{NOWHERE_SOCKET}"
REDIS_TIMEOUT_SECONDS = 0.5
REDIS_MAX_CONNECTIONS = 64

# Sign-in

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.authentication.NameOrEmailBackend"]
PASSWORD_HASHERS = ["alice.common.hashers.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in [
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    ]
]
ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.integer("ACCESS_TOKEN_MINUTES", 30, minimum=1))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.integer("REFRESH_TOKEN_DAYS", 30, minimum=1))
SESSION_LIFETIME = timedelta(days=env.integer("SESSION_DAYS", 90, minimum=1))
REFRESH_GRACE = timedelta(seconds=10)
LOGIN_FAILURES_PER_ACCOUNT = 10
LOGIN_FAILURES_PER_PEER = 30
LOGIN_WINDOW_SECONDS = 600
MAILS_PER_ADDRESS_PER_HOUR = 5
TICKET_SECONDS = 30
EMAIL_VERIFICATION_SECONDS = 3 * 24 * 3600
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "admin:login"

# Limits

MIB = 1024 * 1024
upload_size_bytes = env.integer("MAX_UPLOAD_SIZE", 100 * MIB, minimum=1)
# The one table of what each tier may do. Signed links and callers without a session are tiers too.
TIERS = {
    "anonymous": Entitlements(env.integer("REQUESTS_PER_MINUTE_ANONYMOUS", 120, minimum=1)),
    "link": Entitlements(env.integer("REQUESTS_PER_MINUTE_LINK", 3000, minimum=1)),
    "free": Entitlements(
        requests_per_minute=env.integer("REQUESTS_PER_MINUTE_FREE", 600, minimum=1),
        storage_bytes=env.integer("STORAGE_BYTES_FREE", 1024 * MIB, minimum=1),
        upload_size_bytes=upload_size_bytes,
        transcode_minutes=env.integer("TRANSCODE_MINUTES_FREE", 60, minimum=0),
        ai_tokens=env.integer("AI_TOKENS_FREE", 100_000, minimum=0),
    ),
    "pro": Entitlements(
        requests_per_minute=env.integer("REQUESTS_PER_MINUTE_PRO", 6000, minimum=1),
        storage_bytes=env.integer("STORAGE_BYTES_PRO", 100 * 1024 * MIB, minimum=1),
        upload_size_bytes=env.integer(
            "MAX_UPLOAD_SIZE_PRO", max(1024 * MIB, upload_size_bytes), minimum=1
        ),
        transcode_minutes=env.integer("TRANSCODE_MINUTES_PRO", 3000, minimum=0),
        ai_tokens=env.integer("AI_TOKENS_PRO", 5_000_000, minimum=0),
    ),
}
PAGE_LIMIT_MAX = 500
JSON_BODY_MAX_BYTES = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = JSON_BODY_MAX_BYTES
NOTIFICATIONS_PER_MINUTE = env.integer("NOTIFICATIONS_PER_MINUTE", 60, minimum=1)
NOTIFICATIONS_PER_MINUTE_STAFF = env.integer("NOTIFICATIONS_PER_MINUTE_STAFF", 600, minimum=1)
IDEMPOTENCY_KEPT = timedelta(hours=24)
TRASH_KEPT = timedelta(days=30)
NOTIFICATIONS_KEPT = timedelta(days=90)
USAGE_KEPT = timedelta(days=400)
NOTIFICATIONS_PER_USER = env.integer("NOTIFICATIONS_PER_USER", 10_000, minimum=1)
EXPORT_KEPT = timedelta(days=7)

# Files and media

UPLOAD_FORM_BYTES = MIB  # what a form may have around the file
UPLOAD_KEPT = timedelta(hours=24)
UPLOADS_AT_ONCE = 20
IMAGE_PIXELS_MAX = env.integer("IMAGE_PIXELS_MAX", 50_000_000, minimum=1)
TRANSCODE_SECONDS_MAX = env.integer("TRANSCODE_SECONDS_MAX", 3600, minimum=1)
TRANSCODE_BYTES_MAX = env.integer("TRANSCODE_BYTES_MAX", 4096 * MIB, minimum=1)
TRANSCODES_PER_USER = env.integer("TRANSCODES_PER_USER", 10, minimum=1)
TRANSCODES_AT_ONCE = env.integer("TRANSCODES_AT_ONCE", 2, minimum=1)

# Billing: off, and saying so, without STRIPE_SECRET_KEY

STRIPE_SECRET_KEY = env.secret("STRIPE_SECRET_KEY")
if STRIPE_SECRET_KEY and not re.fullmatch(
    r"(sk|rk)_(test|live)_[A-Za-z0-9]{24,}", STRIPE_SECRET_KEY
):
    env.fault("STRIPE_SECRET_KEY must be a secret or restricted key of Stripe (sk_..., rk_...).")
    STRIPE_SECRET_KEY = ""
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
# More than one while a secret is rotated; each is tried.
STRIPE_WEBHOOK_SECRETS = [
    word.strip() for word in env.secret("STRIPE_WEBHOOK_SECRET").split(",") if word.strip()
]
STRIPE_PRICE_ID = env.text("STRIPE_PRICE_ID")  # else the prices with the look-up keys below
STRIPE_LOOKUP_KEYS = ["pro_monthly", "pro_yearly"]
STRIPE_API_BASE = env.url("STRIPE_API_BASE", "", schemes=["http", "https"]).rstrip("/")
if STRIPE_API_BASE and IS_PRODUCTION:
    env.fault("STRIPE_API_BASE is for stand-ins of Stripe and must not be set in production.")
STRIPE_CALL_SECONDS = 18  # all calls of a request or a webhook together
STRIPE_CALLS_AT_ONCE = env.integer("STRIPE_CALLS_AT_ONCE", 2, minimum=1)  # in a web process
BILLING_GRACE = timedelta(days=env.integer("BILLING_GRACE_DAYS", 3, maximum=365))
BILLING_EVENTS_KEPT = timedelta(days=90)
CHECKOUT_ORIGINS = env.origins("CHECKOUT_ORIGINS")
# The name under which a customer at Stripe carries its user: of this installation alone, so that
# two that share a Stripe account never take each other's customers for their own.
STRIPE_INSTALLATION = (
    PUBLIC_HOST if IS_PRODUCTION else hashlib.sha256(SECRET_KEY.encode()).hexdigest()
)
DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY = f"alice_user_{STRIPE_INSTALLATION}"[:40]
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# Upstream's own take 45 s (docs/adr/0012).
MIGRATION_MODULES = {"djstripe": "billing.djstripe_migrations"}

# Collaboration

# A thirtieth of a minute's requests, in ten seconds: for a person it is plenty.
CHAT_WINDOW_SECONDS = 10
CHAT_MESSAGES_PER_WINDOW = env.integer(
    "CHAT_MESSAGES_PER_WINDOW", max(20, TIERS["free"].requests_per_minute // 30), minimum=1
)
ROOMS_PER_HOUR = env.integer("ROOMS_PER_HOUR", 1000, minimum=1)
ROOM_MEMBERS_MAX = env.integer("ROOM_MEMBERS_MAX", 1000, minimum=2)

# Storage: the data directory, or the S3 bucket that is named here (names of django-storages)

AWS_STORAGE_BUCKET_NAME = env.text("AWS_STORAGE_BUCKET_NAME")
AWS_LOCATION = env.text("AWS_LOCATION").strip("/")  # a prefix within the bucket
AWS_S3_REGION_NAME = env.text("AWS_S3_REGION_NAME") or None
AWS_S3_ENDPOINT_URL = env.url("AWS_S3_ENDPOINT_URL", "", schemes=["https", "http"]) or None
AWS_S3_ADDRESSING_STYLE = env.choice(
    "AWS_S3_ADDRESSING_STYLE", ["auto", "path", "virtual"], "auto"
)
# Without keys, boto3 asks the machine for its role.
AWS_ACCESS_KEY_ID = env.text("AWS_ACCESS_KEY_ID") or None
AWS_SECRET_ACCESS_KEY = env.secret("AWS_SECRET_ACCESS_KEY") or None
if AWS_STORAGE_BUCKET_NAME and bool(AWS_ACCESS_KEY_ID) != bool(AWS_SECRET_ACCESS_KEY):
    env.fault("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together.")

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.SessionTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["alice.common.json_bodies.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["alice.common.json_bodies.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "alice.common.json_bodies.JsonNegotiation",
    "DEFAULT_FILTER_BACKENDS": ["alice.common.filtering.QueryFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "alice.common.pagination.SkipLimitPagination",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "alice.common.openapi.Schema",
    "EXCEPTION_HANDLER": "alice.common.errors.handle",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "alice.common.json_bodies.JsonRenderer",
        "rest_framework.renderers.MultiPartRenderer",
    ],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Alice",
    "DESCRIPTION": "A batteries-included backend: one API over twelve domains.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/[a-z]+",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayOperationId": True},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "alice.common.openapi.declare_what_every_answer_has",
    ],
    "TAGS": [
        {"name": "auth", "description": "Accounts, sessions and tokens."},
        {"name": "billing", "description": "Subscriptions through Stripe, plans and invoices."},
        {"name": "items", "description": "Content items, their revisions and their trash."},
        {"name": "files", "description": "Files, byte for byte, with their names."},
        {"name": "uploads", "description": "Resumable uploads (tus 1.0) of files and media."},
        {"name": "media", "description": "Video, sound and pictures: stream and transcode."},
        {"name": "notify", "description": "Notifications, how they come, and webhooks."},
        {"name": "chat", "description": "Rooms, messages, who reads and who types."},
        {"name": "collab", "description": "Sharing with users, and with whoever has a link."},
        {"name": "jobs", "description": "Long work: progress, result, cancel."},
        {"name": "system", "description": "Health of the service."},
    ],
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "accounts.models.Role",
        "MemberRoleEnum": "collaboration.models.MemberRole",
        "MessageTypeEnum": "collaboration.models.MessageType",
        "SentMessageTypeEnum": [("text", "Text"), ("image", "Image"), ("file", "File")],
        "ItemStatusEnum": "content.models.Status",
        "JobStatusEnum": "system.models.JobStatus",
        "NotificationTypeEnum": "notifications.models.NotificationType",
        "ChannelEnum": "notifications.models.Channel",
        "DigestEnum": "notifications.models.Digest",
        "DeliveryStatusEnum": "notifications.models.DeliveryStatus",
        "MediaTypeEnum": "media.models.MediaType",
        "OutputFormatEnum": "media.models.OutputFormat",
        "QualityEnum": "media.models.Quality",
        "HealthStatusEnum": ["healthy", "degraded", "unhealthy"],
        "PartStatusEnum": ["ok", "down"],
    },
}
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
if CORS_ALLOWED_ORIGINS:
    MIDDLEWARE.insert(2, "corsheaders.middleware.CorsMiddleware")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-range",
    "range",
    "tus-resumable",
    "upload-checksum",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
    "X-Total-Count",
]

# Web

WEB_WORKERS = env.integer("WEB_WORKERS", 2, minimum=1, maximum=64)
WEB_THREADS = env.integer("WEB_THREADS", 4, minimum=1, maximum=64)
REQUEST_SPOOL_DIR = DATA_DIR / "spool"

# Realtime


def redis_database(url: str) -> str:
    """The number of the database a URL of Redis names, in its query or its path."""
    parts = urlsplit(url)
    in_path = "" if parts.scheme == "unix" else parts.path.strip("/")
    return dict(parse_qsl(parts.query)).get("db") or in_path or "0"


CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_connect_timeout": 1.0}],
            # Publications know no databases: the prefix keeps those of one from another.
            "prefix": f"alice-{redis_database(REDIS_URL)}",
        },
    },
}
SOCKET_THREADS = env.integer("SOCKET_THREADS", 4, minimum=1, maximum=64)
SOCKETS_PER_USER = env.integer("SOCKETS_PER_USER", 256, minimum=1)  # in each web process
SOCKET_FRAMES_PER_SECOND = env.integer("SOCKET_FRAMES_PER_SECOND", 60, minimum=1)
SOCKET_SIGN_IN_SECONDS = 10
SOCKET_CHECK_SECONDS = 3  # how soon a session that ended unheard closes its sockets

# Jobs and Celery

# A run that does not report for so long has lost its job; four times as often it is looked.
JOB_LEASE_SECONDS = env.integer("JOB_LEASE_SECONDS", 60, minimum=4)
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace(
    "?db=", "?virtual_host=", 1
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.2,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What a task prints is for the terminal: in development, mails with their links.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "requeue-stalled-jobs": {
        "task": "system.tasks.requeue_stalled_jobs",
        "schedule": JOB_LEASE_SECONDS / 4,
    },
    "clear-expired-records": {"task": "system.tasks.clear_expired_records", "schedule": 3600.0},
    "clear-ended-sessions": {"task": "accounts.tasks.clear_ended_sessions", "schedule": 3600.0},
    "clear-old-exports": {"task": "accounts.tasks.clear_old_exports", "schedule": 3600.0},
    "empty-trash": {"task": "content.tasks.empty_trash", "schedule": 3600.0},
    "clear-ended-shares": {"task": "collaboration.tasks.clear_ended_shares", "schedule": 3600.0},
    "clear-expired-uploads": {"task": "files.tasks.clear_expired_uploads", "schedule": 60.0},
    "reconcile-files": {"task": "files.tasks.reconcile", "schedule": 3600.0},
    "deliver-notifications": {"task": "notifications.tasks.deliver_due", "schedule": 15.0},
    "clear-old-notifications": {"task": "notifications.tasks.clear_old", "schedule": 3600.0},
    "trim-notifications": {"task": "notifications.tasks.trim", "schedule": 86_400.0},
    "clear-work": {"task": "media.tasks.clear_work_directories", "schedule": 3600.0},
    "catch-up-with-stripe": {"task": "billing.tasks.catch_up", "schedule": 3600.0},
    "end-grace": {"task": "billing.tasks.end_grace", "schedule": 3600.0},
    "prune-stripe-events": {"task": "billing.tasks.prune_events", "schedule": 86_400.0},
}

# Mail

EMAIL_URL = env.url("EMAIL_URL", "", schemes=["smtp", "smtps"])
mail = urlsplit(EMAIL_URL)
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_URL
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = mail.hostname or "localhost"
EMAIL_PORT = mail.port or 25
EMAIL_HOST_USER = unquote(mail.username or "")
EMAIL_HOST_PASSWORD = unquote(mail.password or "")
EMAIL_USE_SSL = mail.scheme == "smtps"
EMAIL_USE_TLS = mail.scheme == "smtp" and mail.port == 587
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", f"Alice <no-reply@{MAIL_DOMAIN}>")

# Outgoing requests

OUTBOUND_ALLOWED_NETWORKS = env.words("OUTBOUND_ALLOWED_NETWORKS")

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if IS_PRODUCTION else None  # development serves from the apps
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = False

# Logging

LOG_DIR = env.text("ALICE_LOG_DIR")
# What no formatter here shows costs every line its look-up.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
LOG_LEVEL = env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "alice.common.logs.JsonFormatter"},
        "terse": {"()": "alice.common.logs.TerseFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if IS_PRODUCTION else "terse",
            "level": "INFO" if IS_PRODUCTION and not LOG_DIR else "WARNING",
        },
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": "WARNING"},
        "django.request": {"level": "CRITICAL"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "httpx": {"level": "WARNING"},
    },
}
if LOG_DIR:
    # The runner renames full files; a watched handler goes on in the new one.
    LOGGING["handlers"]["file"] = {  # type: ignore[index]
        "class": "alice.common.logs.RenamedFileHandler",
        "filename": str(Path(LOG_DIR) / f"{PROCESS}.jsonl"),
        "formatter": "json",
        "delay": True,
    }
    LOGGING["root"]["handlers"].append("file")  # type: ignore[index]

# Security

TRUSTED_PROXIES = []
for word in env.words("TRUSTED_PROXIES"):
    try:
        TRUSTED_PROXIES.append(ipaddress.ip_network(word, strict=False))
    except ValueError:
        env.fault(f"TRUSTED_PROXIES must list addresses or networks, not {word!r}.")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_AGE = 12 * 3600
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 15_552_000 if IS_PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = [
    "admin.E408",  # sessions, sign-in and messages are there, inside PageMiddleware
    "admin.E409",
    "admin.E410",
    "security.W003",  # as is CSRF
    "security.W002",  # and framing
    "auth.W004",  # usernames are unique without regard to case, by a constraint on lower()
    "security.W008",  # the proxy redirects to https; the readiness probe speaks plain http
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if IS_PRODUCTION and DEBUG:
    env.fault("DEBUG must be off in production.")
if IS_PRODUCTION and "*" in ALLOWED_HOSTS:
    env.fault("ALLOWED_HOSTS must name the hosts in production, not '*'.")
if IS_PRODUCTION and not env.text("PUBLIC_URL"):
    env.fault("PUBLIC_URL must be set in production: links in mails and shares begin with it.")

# Admin

UNFOLD = {
    "SITE_TITLE": "Alice",
    "SITE_HEADER": "Alice",
    "SITE_URL": "/docs",
    "SITE_ICON": f"{STATIC_URL}system/icon.svg",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}system/icon.svg"},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "alice.common.admin_site.environment_badge",
    "DASHBOARD_CALLBACK": "alice.common.admin_cards.dashboard",
    "SIDEBAR": {"navigation": "alice.common.admin_site.navigation", "show_search": True},
    "ACCOUNT": {
        "navigation": [{"title": "Set a new password", "link": "/account/forgot-password"}],
    },
}

try:
    env.raise_faults()
except EnvironmentFaults as faults:
    raise ImproperlyConfigured(str(faults)) from None
