"""What the kernel tells of processes as they begin, become another program and end, exact to the microsecond.

Two of its sockets say it: the process events connector tells of each fork and exec, taskstats of each end, with the
processor time and the most memory of what ended. Nobody is slowed down by it, and no process is too short to be
seen. Both answer root of the machine alone, not root of a container on it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Iterator, NamedTuple, Optional, Union

_RECEIVE_BYTES = 65536
# Room for what comes while the reader waits for a processor.
_BUFFER_BYTES = 16 * 1024 * 1024
_SO_RCVBUFFORCE = 33
_NETLINK_CONNECTOR, _NETLINK_GENERIC = 11, 16
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ERROR = 2

# linux/cn_proc.h
_CONNECTOR_HEADER = struct.Struct("=IIIIHH")  # idx, val, seq, ack, length, flags
_PROCESS_EVENTS = 1
_LISTEN = 1
_EVENT = struct.Struct("=IIQ")  # what, processor, nanoseconds
_FORK, _EXEC, _EXIT = 1, 2, 0x80000000

# linux/genetlink.h and linux/taskstats.h
_GENERIC_HEADER = struct.Struct("=BBH")  # command, version, reserved
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_CONTROL, _GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 16, 3, 1, 2
_STATS_GET, _REGISTER = 1, 3
_STATS_STATS, _STATS_OF_TASK = 3, 4
# Where the fields of struct taskstats lie, in every version of it.
_RUN_NANOSECONDS, _NAME, _PID, _PEAK_KIB = 72, 80, 128, 200
_NAME_BYTES = 32


class Forked(NamedTuple):
    """A thread, or a process when it is the first of its own."""

    parent: int  # process that it comes from
    thread: int
    process: int


class Executed(NamedTuple):
    """A process became another program."""

    process: int


class Gone(NamedTuple):
    """A thread has given all back that it had; if nobody has asked for its end yet, /proc still knows it."""

    thread: int


class Ended(NamedTuple):
    """A thread begins to end, perhaps the last one of its process; to give its memory back is still before it."""

    thread: int
    seconds: float  # of a processor, in its whole life
    name: str  # of its program, 15 characters of it
    peak_mib: float  # the most that its process had in memory


class Unobservable(Exception):
    """One clear sentence: why this machine's kernel does not tell."""


class Connector:
    """Tells of forks and execs, and of ends that are through."""

    def __init__(self) -> None:
        self._socket = _open(_NETLINK_CONNECTOR, groups=_PROCESS_EVENTS)
        payload = struct.pack("=I", _LISTEN)
        head = _CONNECTOR_HEADER.pack(_PROCESS_EVENTS, _PROCESS_EVENTS, 0, 0, len(payload), 0)
        _send(self._socket, 3, head + payload)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Union[Forked, Executed, Gone]]:
        """Yield what has come; nothing when nothing has."""
        for _type, payload in _messages(self._socket):
            event = process_event(payload)
            if event:
                yield event


class Exits:
    """Tells of ends."""

    def __init__(self) -> None:
        self._socket = _open(_NETLINK_GENERIC, groups=0)
        family = self._family(b"TASKSTATS\0")
        with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:
            processors = file.read().strip().encode() + b"\0"
        _send(
            self._socket,
            family,
            _GENERIC_HEADER.pack(_STATS_GET, 1, 0) + _attribute(_REGISTER, processors),
            acknowledge=True,
        )
        self._expect_acknowledgement()

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Ended]:
        """Yield what has come; nothing when nothing has."""
        for _type, payload in _messages(self._socket):
            ended = exit_event(payload)
            if ended:
                yield ended

    def _family(self, name: bytes) -> int:
        _send(
            self._socket,
            _CONTROL,
            _GENERIC_HEADER.pack(_GET_FAMILY, 1, 0) + _attribute(_FAMILY_NAME, name),
        )
        _wait(self._socket)
        for kind, payload in _messages(self._socket):
            if kind == _CONTROL:
                own = dict(_attributes(payload[_GENERIC_HEADER.size :]))
                return int(struct.unpack("=H", own[_FAMILY_ID])[0])
        raise Unobservable("The kernel of this machine keeps no statistics of tasks (CONFIG_TASKSTATS).")

    def _expect_acknowledgement(self) -> None:
        _wait(self._socket)
        for kind, payload in _messages(self._socket):
            if kind == _ERROR and (code := -struct.unpack_from("=i", payload)[0]):
                raise Unobservable(f"The kernel gives no statistics of tasks: {os.strerror(code)}.")


# -- messages: pure -------------------------------------------------------------------------------


def process_event(payload: bytes) -> Optional[Union[Forked, Executed, Gone]]:
    """Return the event in a message of the connector, None for one that is of no interest here."""
    begin = _CONNECTOR_HEADER.size
    if len(payload) < begin + _EVENT.size + 16:
        return None
    what, _processor, _when = _EVENT.unpack_from(payload, begin)
    numbers = struct.unpack_from("=4I", payload, begin + _EVENT.size)
    if what == _FORK:
        return Forked(parent=numbers[1], thread=numbers[2], process=numbers[3])
    if what == _EXIT:
        return Gone(thread=numbers[0])
    return Executed(process=numbers[1]) if what == _EXEC else None


def exit_event(payload: bytes) -> Optional[Ended]:
    """Return the end of a thread; None for the sum over a process, which follows that of its last thread."""
    for kind, value in _attributes(payload[_GENERIC_HEADER.size :]):
        if kind == _STATS_OF_TASK:
            stats = dict(_attributes(value))[_STATS_STATS]
            return Ended(
                thread=struct.unpack_from("=I", stats, _PID)[0],
                seconds=struct.unpack_from("=Q", stats, _RUN_NANOSECONDS)[0] / 1e9,
                name=stats[_NAME : _NAME + _NAME_BYTES].partition(b"\0")[0].decode(errors="replace"),
                peak_mib=struct.unpack_from("=Q", stats, _PEAK_KIB)[0] / 1024,
            )
    return None


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def _attributes(data: bytes) -> Iterator[tuple]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += length + -length % 4


# -- sockets --------------------------------------------------------------------------------------


def _open(protocol: int, groups: int) -> socket.socket:
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, protocol)
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        made.bind((0, groups))
        made.setblocking(False)
    except OSError as error:
        raise Unobservable(f"The kernel of this machine does not tell of processes: {error.strerror}.") from error
    return made


def _send(connection: socket.socket, kind: int, payload: bytes, acknowledge: bool = False) -> None:
    flags = 1 | (4 if acknowledge else 0)
    try:
        connection.send(_HEADER.pack(_HEADER.size + len(payload), kind, flags, 1, 0) + payload)
    except OSError as error:
        raise Unobservable(f"The kernel of this machine does not tell of processes: {error.strerror}.") from error


def _wait(connection: socket.socket) -> None:
    """Wait for an answer, which the kernel has ready at once if it gives one."""
    connection.settimeout(2)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except OSError as error:
        raise Unobservable("The kernel of this machine does not answer about statistics of tasks.") from error
    finally:
        connection.setblocking(False)


def _messages(connection: socket.socket) -> Iterator[tuple]:
    """Yield (type, payload) of all that has come."""
    while True:
        try:
            data = connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            # Some were dropped, because nobody read them in time: the sums say how much is missing.
            if error.errno == errno.ENOBUFS:
                continue
            raise
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, at)
            if length < _HEADER.size:
                break
            yield kind, data[at + _HEADER.size : at + length]
            at += length + -length % 4
