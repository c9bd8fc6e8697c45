"""Settings. Everything runs embedded by default; the environment switches parts to servers (see docs and .env).

FILIATION_HOME (./var)  SECRET_KEY  FILIATION_CREDENTIAL_KEYS  DATABASE_URL  REDIS_URL  ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS  FILIATION_LOCAL (true)  DEBUG  FILIATION_PRIVATE_HOSTS  FILIATION_LEASE_SECONDS
FILIATION_SLICE_SECONDS  FILIATION_SILENCE_SECONDS (60)  FILIATION_REPLY_SECONDS (180)  FILIATION_JOBS
"""

from __future__ import annotations

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from forensics.reports.bundle.signing import stored_key
from webapp import broker
from webapp.keys import new_credential_key, new_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # SECRET_KEY_FILE names a file that holds the SECRET_KEY, and so on

FILIATION_HOME = Path(env.str("FILIATION_HOME", default=str(BASE_DIR / "var"))).resolve()
FILIATION_HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
LOCAL = env.bool("FILIATION_LOCAL", default=True)
DEBUG = env.bool("DEBUG", default=False)

SECRET_KEY = env.str("SECRET_KEY", default="") or stored_key(FILIATION_HOME / "secret.key", new_secret_key)
CREDENTIAL_KEYS = env.list("FILIATION_CREDENTIAL_KEYS", default=[]) or [
    stored_key(FILIATION_HOME / "credential.key", new_credential_key)
]
PRIVATE_HOSTS: list[str] = env.list("FILIATION_PRIVATE_HOSTS", default=[])
LEASE_SECONDS = env.float("FILIATION_LEASE_SECONDS", default=45.0)
SLICE_SECONDS = env.float("FILIATION_SLICE_SECONDS", default=50.0)
# How long a reply may say nothing, and take in all. A model that thinks for minutes before its first word needs more.
SILENCE_SECONDS = env.float("FILIATION_SILENCE_SECONDS", default=60.0)
REPLY_SECONDS = env.float("FILIATION_REPLY_SECONDS", default=180.0)
JOBS = env.int("FILIATION_JOBS", default=1)
BROKER_URL = broker.broker_url(FILIATION_HOME, env.str("REDIS_URL", default=""))
PACING_URL = broker.client_url(FILIATION_HOME, env.str("REDIS_URL", default=""))

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_celery_beat",
    "webapp",
    "webapp.accounts",
    "webapp.custody",
    "webapp.catalogue",
    "webapp.probing",
    "webapp.casework",
    "webapp.explaining",
    "webapp.exporting",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "webapp" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{FILIATION_HOME / 'filiation.sqlite3'}")}
if DATABASES["default"]["ENGINE"] not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
    # Told here: a foreign driver fails on loading, before any check runs.
    raise ImproperlyConfigured(
        "DATABASE_URL names a database on which the ledger is not right: "
        "write sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME, or leave it unset"
    )
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # DEFERRED transactions upgrade their lock midway and fail at once under load; IMMEDIATE ones wait their turn.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # On disk, as in use: tests run real workers beside themselves.
    DATABASES["default"]["TEST"] = {"NAME": str(FILIATION_HOME / "test.sqlite3")}
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = FILIATION_HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns of a folder that is not there
# Without a collect step, in development and in the demo, files are served from where they lie.
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "webapp.plotly_files.PlotlyFinder",
]
MEDIA_ROOT = FILIATION_HOME / "uploads"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# Plotly writes one empty style element; its hash is the only inline style that may run.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", EMPTY_STYLE],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_PROXY_SSL_HEADER = None if LOCAL else ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {name: {"level": "INFO"} for name in ("webapp", "tasks", "forensics")},
}
