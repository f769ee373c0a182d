# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Django needs to know."""

import os

RELEASE = os.environ["RELEASE"]
COLOR = os.environ.get("BG_COLOR", "")
IS_UP = os.environ.get("UP", "yes") == "yes"
LEDGER = "/ledger/ledger.jsonl"

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["press"]
ROOT_URLCONF = "press.urls"
MIDDLEWARE = ["press.views.say_who_answers"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/data/press.sqlite3", "OPTIONS": {"timeout": 20}}
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True

CELERY_BROKER_URL = os.environ["BROKER"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
