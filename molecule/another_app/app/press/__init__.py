# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A print shop: the site takes orders, one worker prints them, another one sends mail about them."""

from press.celery import app as celery_app

__all__ = ["celery_app"]
