# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in the database, which both colors use."""

from django.db import models


class Order(models.Model):
    task = models.CharField(max_length=36, primary_key=True)
    queue = models.CharField(max_length=10)
    times_done = models.IntegerField(default=0)
