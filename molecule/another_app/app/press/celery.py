# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Celery application, as Django's documentation of it has it."""

from celery import Celery

app = Celery("press")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["press"])
