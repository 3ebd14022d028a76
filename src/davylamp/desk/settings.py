"""Django settings, from the environment alone.

=====================  ==========================================================================
DAVYLAMP_HOME          the desk's folder (``./desk``)
DATABASE_URL           ``postgres://user:password@host/name``; SQLite in the folder when absent
DAVYLAMP_HOSTS         host names that may be asked for, by commas (this machine's own)
DAVYLAMP_HTTPS         ``0`` only where nothing but this machine can reach the desk
DAVYLAMP_MAIL          ``smtp://host:port``; mail is written to ``outbox/`` when absent
DAVYLAMP_PROVINCE      region code of the province that this desk serves (330000)
DAVYLAMP_OFFICE        name of the office above its documents
DAVYLAMP_WORD          the authority's word (机关代字) before its document numbers (矿治)
=====================  ==========================================================================
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from davylamp.desk.home import home, read_or_make

HERE: Final = Path(__file__).parent
HOME: Final = home()
SECRET_KEY = read_or_make(HOME / "keys" / "secret")
DEBUG = False
ALLOWED_HOSTS = [h for h in os.environ.get("DAVYLAMP_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if h]
IS_HTTPS: Final = os.environ.get("DAVYLAMP_HTTPS", "1") != "0"
PROVINCE: Final = os.environ.get("DAVYLAMP_PROVINCE", "330000")
OFFICE: Final = os.environ.get("DAVYLAMP_OFFICE", "虚拟货币“挖矿”整治工作专班")
WORD: Final = os.environ.get("DAVYLAMP_WORD", "矿治")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "davylamp.desk.audit",
    "davylamp.desk.access",
    "davylamp.desk.core",
    "davylamp.desk.registry",
    "davylamp.desk.documents",
    "davylamp.desk.leads",
    "davylamp.desk.handover",
    "davylamp.desk.cases",
    "davylamp.desk.statistics",
    "davylamp.desk.api",
    "davylamp.desk.pages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "davylamp.desk.api.door.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "davylamp.desk.core.middleware.ActorMiddleware",
    "davylamp.desk.core.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "davylamp.desk.core.middleware.ErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "davylamp.desk.urls"
WSGI_APPLICATION = "davylamp.desk.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "davylamp.desk.core.context.desk",
                "davylamp.desk.pages.navigation.frame",
            ],
            "builtins": ["davylamp.desk.core.templatetags.desk"],
        },
    }
]

# --- database ----------------------------------------------------------------------------------------------

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{HOME / 'desk.sqlite3'}", conn_max_age=60
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {  # type: ignore[typeddict-unknown-key]
        "transaction_mode": "IMMEDIATE",  # writers take turns, so that the audit chain has one end
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- who comes in ------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5  # judged: a person mistypes less often
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_TEMPLATE = "access/locked.html"
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "Davylamp"

SESSION_COOKIE_AGE = 8 * 3600  # a working day
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_USE_SESSIONS = True
CSRF_FAILURE_VIEW = "davylamp.desk.core.views.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 << 20  # fields of a form; files are streamed to disk
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DESK_MOST_UPLOAD_BYTES: Final = 64 << 20  # judged: a workbook or a photo; packs come with `davylamp kit`

# --- words, files, mail ------------------------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [HERE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = HOME / "files"
FILE_UPLOAD_PERMISSIONS = 0o600

_mail = urlsplit(os.environ.get("DAVYLAMP_MAIL", ""))
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _mail.hostname else 'filebased'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.username or "", _mail.password or ""
EMAIL_USE_TLS = _mail.scheme == "smtps"
EMAIL_FILE_PATH = str(HOME / "outbox")
DEFAULT_FROM_EMAIL = os.environ.get("DAVYLAMP_SENDER", "davylamp@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django.request": {"handlers": ["stderr"], "level": "ERROR"},
        "axes": {"handlers": ["stderr"], "level": "WARNING"},
    },
}
