"""The Celery application: what the worker does, and what beat asks it for."""

from __future__ import annotations

import time

from celery import Celery, signals

from shop import ledger, settings
from shop.order import Order

TICK = "shop.tick"

app = Celery("shop", broker=settings.REDIS_URL)
app.conf.update(
    accept_content=["json"],
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    # A web whose broker is gone says so within seconds instead of keeping its client waiting.
    broker_transport_options={"socket_connect_timeout": 2},
    task_publish_retry_policy={
        "max_retries": 2,
        "interval_start": 0.1,
        "interval_step": 0.2,
        "interval_max": 0.5,
    },
    beat_schedule={"tick": {"task": TICK, "schedule": settings.TICK_SECONDS}},
)


def send(order: Order) -> str:
    """Publish a task and return its id."""
    # Celery decides by the task, not by the message, when it acknowledges; hence two of them.
    task = work_late if order.ack == "late" else work
    result = task.apply_async(
        (order.kind, order.seconds),
        queue=order.queue,
        priority=order.priority,
        countdown=order.countdown or None,
    )
    return result.id


def _perform(task_id: str, kind: str, seconds: float) -> None:
    ledger.write("started", id=task_id, kind=kind)
    if kind == "cpu":
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
    else:
        time.sleep(seconds)
    ledger.write("done", id=task_id, kind=kind)


@app.task(name="shop.work", bind=True)
def work(self, kind: str, seconds: float) -> None:
    _perform(self.request.id, kind, seconds)


@app.task(name="shop.work_late", bind=True, acks_late=True)
def work_late(self, kind: str, seconds: float) -> None:
    _perform(self.request.id, kind, seconds)


@app.task(name=TICK, bind=True)
def tick(self) -> None:
    ledger.write("started", id=self.request.id, kind="tick")
    ledger.write("done", id=self.request.id, kind="tick")


@signals.after_task_publish.connect(sender=TICK)
def _tick_was_sent(headers: dict, **_unused: object) -> None:
    # Written by beat itself: two beats, or none, show in the ledger whatever the worker is doing.
    ledger.write("tick", id=headers["id"], kind="tick")


@signals.worker_init.connect
def _crash_when_asked(**_unused: object) -> None:
    if settings.WORKER == "crash":
        raise SystemExit("DEMO_WORKER=crash: this worker ends as soon as it starts")
