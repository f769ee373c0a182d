# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is. The paths of pages and orders are those that demo/load.py asks for."""

from django.urls import path

from press import views

urlpatterns = [
    path("", views.page),
    path("work", views.page),
    path("up", views.up),
    path("tasks", views.order),
]
