# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages, the health answer, and orders."""

import itertools
import uuid

from django.conf import settings
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from press import ledger, tasks
from press.models import Order

_tasks = itertools.cycle([("mail", tasks.mail), ("print", tasks.print_it)])


def say_who_answers(get_response):
    def answer(request):
        response = get_response(request)
        response["X-Shop-Color"], response["X-Shop-Release"] = settings.COLOR, settings.RELEASE
        return response

    return answer


def page(_request):
    return JsonResponse({"release": settings.RELEASE, "color": settings.COLOR, "orders": Order.objects.count()})


def up(_request):
    return JsonResponse({"up": settings.IS_UP}, status=200 if settings.IS_UP else 500)


@csrf_exempt
@require_POST
def order(_request):
    queue, task = next(_tasks)
    number = str(uuid.uuid4())
    Order.objects.create(task=number, queue=queue)
    task.apply_async(task_id=number, queue=queue)
    ledger.write("accepted", number)
    return JsonResponse({"id": number})
