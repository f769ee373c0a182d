"""Puts the burst of tasks into the app, through its web as any client would."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from load import Client, NoAnswer
from settings import BenchError

AT_ONCE = 4


def submit(url: str, tasks: list) -> None:
    """Post all tasks; each has to be accepted."""
    asyncio.run(_submit(Client(url), list(reversed(tasks))))


async def _submit(client: Client, left: list) -> None:
    async def post() -> None:
        while left:
            try:
                answer, _retried = await client.ask("POST", "/tasks", urlencode(left.pop()).encode())
            except NoAnswer as error:
                raise BenchError(f"A task of the burst got no answer: {error}.") from error
            if answer.status != 200:
                raise BenchError(f"A task of the burst was answered with {answer.status}: {answer.body!r}.")

    try:
        await asyncio.gather(*(post() for _each in range(AT_ONCE)))
    finally:
        client.close()
