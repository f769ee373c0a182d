"""How the demo and the benchmark speak to the person who watches, and how they end."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import IO, Callable, Iterator

from docker.errors import DockerException

ROOT = Path(__file__).resolve().parents[1]

_begin = time.monotonic()


def say(text: str = "") -> None:
    print(text, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    begin = time.monotonic()
    say(f"\n▸ {title}")
    yield
    say(f"  done in {time.monotonic() - begin:.1f} s ({elapsed()} since the start)")


def seconds_since_start() -> int:
    return int(time.monotonic() - _begin)


def elapsed() -> str:
    minutes, seconds = divmod(seconds_since_start(), 60)
    return f"{minutes}:{seconds:02d}"


def shown(path: Path) -> str:
    """Return a path of the checkout as somebody in it would type it."""
    return str(path.relative_to(ROOT))


def this_machine() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return f"{len(names)} × {names[0]}"
    return "a machine"


def ended(name: str, program: str, play: Callable[[], int], stopped: str, folder: Path, *refusals: type) -> int:
    """Play it, alone in this checkout, and return its exit code; where it ends early, say in one sentence why.

    :param program: its file, which is what is locked: no other one needs to be made, and removed, for it.
    :param stopped: what to do after Ctrl+C.
    :param folder: where the traceback of a defect is logged.
    :param refusals: exceptions that are one clear sentence.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rc = 1
    try:
        with open(program, encoding="utf-8") as lock:
            if _locked(lock):
                return play()
        sentence = "another one is running from this checkout; let it end, or stop it there."
    except KeyboardInterrupt:
        rc, sentence = 130, f"stopped. {stopped}"
    except refusals as error:
        sentence = str(error)
    except DockerException as error:
        sentence = f"the Docker Engine of this machine refused: {error}"
    except Exception:  # a defect: one sentence for the user, the traceback into a log
        folder.mkdir(exist_ok=True)
        log = folder / "error.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        sentence = f"an error that it does not know; it is in {shown(log)}."
    print(f"\n{name}: {sentence}", file=sys.stderr, flush=True)
    return rc


def _locked(file: IO) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
