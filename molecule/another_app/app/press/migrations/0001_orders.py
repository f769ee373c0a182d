# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of orders."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("task", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("queue", models.CharField(max_length=10)),
                ("times_done", models.IntegerField(default=0)),
            ],
        ),
    ]
