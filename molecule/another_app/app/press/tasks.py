# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers do."""

import time

from celery import shared_task
from django.db.models import F

from press import ledger
from press.models import Order

SECONDS = 0.2


def _perform(task):
    ledger.write("started", task)
    time.sleep(SECONDS)
    Order.objects.filter(task=task).update(times_done=F("times_done") + 1)
    ledger.write("done", task)


@shared_task(bind=True, name="press.print")
def print_it(self):
    _perform(self.request.id)


@shared_task(bind=True, name="press.mail", acks_late=True)
def mail(self):
    _perform(self.request.id)
