"""The web of the shop: a dashboard, a health answer, a little work, and tasks for the worker."""

from __future__ import annotations

import functools
import hashlib
import select
import time
from pathlib import Path

import redis
from flask import Flask, Response, jsonify, request
from kombu.exceptions import OperationalError

from shop import ledger, order, settings, tasks
from shop.board import Board, Follower

HANG_SECONDS = 60.0
LONGEST_WORK_SECONDS = 60.0

app = Flask(__name__, static_folder=None)
broker = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
board = Follower(settings.LEDGER, Board())
page = (Path(__file__).parent / "dashboard.html").read_text(encoding="utf-8")
page = page.replace("{{color}}", settings.COLOR).replace("{{release}}", settings.RELEASE)

ledger.check()
time.sleep(settings.BOOT_SECONDS)


@app.after_request
def say_who_answers(response: Response) -> Response:
    response.headers["X-Shop-Color"] = settings.COLOR
    response.headers["X-Shop-Release"] = settings.RELEASE
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/")
def dashboard() -> Response:
    return Response(page, mimetype="text/html")


@app.get("/stats.json")
def stats() -> Response:
    return jsonify(color=settings.COLOR, release=settings.RELEASE, **board.figures(time.time()))


@app.get("/health/")
def health() -> tuple[Response, int]:
    if settings.HEALTH == "hang":
        _hang()
    if settings.HEALTH == "fail":
        return _health("DEMO_HEALTH=fail: this release is broken on purpose", 500)
    if settings.HEALTH.isdigit():
        return _health(f"DEMO_HEALTH={settings.HEALTH}", int(settings.HEALTH))
    try:
        broker.ping()
    except redis.RedisError as error:
        return _health(f"Redis does not answer: {error}", 503)
    return _health("ok", 200)


def _health(text: str, status: int) -> tuple[Response, int]:
    if status != 200:
        _complain_once(f"/health/ answers {status}: {text}")
    return jsonify(health=text, color=settings.COLOR, release=settings.RELEASE), status


@functools.lru_cache(maxsize=None)
def _complain_once(sentence: str) -> None:
    # A deployment asks several times a second; its last log lines should say more than that.
    app.logger.error(sentence)


def _hang() -> None:
    # Until the client has enough of it: otherwise a few health checks would use up every thread,
    # and stopping this web would have to wait for them.
    _complain_once("/health/ does not answer: DEMO_HEALTH=hang")
    select.select([request.environ["gunicorn.socket"]], [], [], HANG_SECONDS)


@app.get("/work")
def work() -> tuple[Response, int]:
    """Some milliseconds of a CPU; ?seconds= keeps the request open that much longer."""
    begin = time.monotonic()
    try:
        seconds = float(request.args.get("seconds", 0))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WORK_SECONDS:
        return _refuse(
            f"seconds={request.args['seconds']} is not possible; it is 0 to {LONGEST_WORK_SECONDS:g}."
        )
    digest = hashlib.pbkdf2_hmac("sha256", b"shop", b"work", 2000).hex()
    time.sleep(seconds)
    took = round((time.monotonic() - begin) * 1000, 2)
    return jsonify(color=settings.COLOR, release=settings.RELEASE, digest=digest, ms=took), 200


@app.post("/tasks")
def accept() -> tuple[Response, int]:
    """Take an order. Its 200 is a promise: the task is in the queue and in the ledger."""
    try:
        wanted = order.parse(request.get_json() if request.is_json else request.values.to_dict())
    except order.OrderError as error:
        return _refuse(str(error))
    try:
        ids = tasks.send(wanted)
    except OperationalError as error:
        return jsonify(error=f"Not accepted, because Redis does not take it: {error}"), 503
    for task_id in ids:
        ledger.write("accepted", id=task_id, **wanted._asdict())
    return jsonify(id=ids[-1], color=settings.COLOR, release=settings.RELEASE, **wanted._asdict()), 200


def _refuse(sentence: str) -> tuple[Response, int]:
    return jsonify(error=sentence), 400
