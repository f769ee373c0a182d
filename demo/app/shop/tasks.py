"""The Celery application: what the worker does, and what beat asks it for."""

from __future__ import annotations

import time

from celery import Celery, chord, signals

from shop import ledger, settings
from shop.order import Order

TICK = "shop.tick"

app = Celery("shop", broker=settings.BROKER_URL, backend=settings.REDIS_URL)
app.conf.update(
    accept_content=["json"],
    # But those of a chord's parts, by which Celery knows when to start its last task.
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


def send(order: Order) -> list[str]:
    """Publish what was ordered; return the ids of all tasks that will come of it, the last one's last."""
    where = {"queue": order.queue, "priority": order.priority}
    when = {"countdown": order.countdown} if order.countdown else {}
    # Celery decides by the task, not by the message, when it acknowledges; hence two of each.
    if order.kind == "chord":
        part = part_late if order.ack == "late" else part_early
        parts = [part.s(order.seconds).set(**where, **when) for _unused in range(order.parts)]
        result = chord(parts)(total.s(order.parts).set(**where))
        return [*(child.id for child in result.parent), result.id]
    task = work_late if order.ack == "late" else work
    return [task.apply_async((order.kind, order.seconds), **where, **when).id]


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


@app.task(name="shop.part", bind=True, ignore_result=False)
def part_early(self, seconds: float) -> str:
    _perform(self.request.id, "chord", seconds)
    return self.request.id


@app.task(name="shop.part_late", bind=True, ignore_result=False, acks_late=True)
def part_late(self, seconds: float) -> str:
    _perform(self.request.id, "chord", seconds)
    return self.request.id


@app.task(name="shop.total", bind=True)
def total(self, done: list[str], parts: int) -> None:
    if len(set(done)) != parts:
        raise ValueError(f"{parts} parts were to be done before this, and these were: {', '.join(done)}")
    _perform(self.request.id, "chord", 0)


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
