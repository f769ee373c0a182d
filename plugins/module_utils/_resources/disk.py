# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether something fits on the disk of a host."""

from __future__ import annotations

import os

MIB = 1024 * 1024
# Bytes that a started color writes beside its images: layers, logs.
DISK_RESERVE = 64 * MIB
# Bytes and number of files for the journal and the env files.
STATE_RESERVE = 4 * MIB
FILES_RESERVE = 64


def free_disk(path: str) -> int:
    """Bytes free on the file system of a path, or of the nearest folder above it that exists."""
    stat = file_system(path)
    return stat.f_bavail * stat.f_frsize


def file_system(path: str) -> os.statvfs_result:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.statvfs(path)


def writing_finding(path: str, why: str) -> str:
    """A sentence when no new file can be written below a path, else ``""``.

    :param why: what has to be written there, with its article.
    """
    stat = file_system(path)
    if stat.f_flag & os.ST_RDONLY:
        return (
            f"{path} is on a read-only file system, but {why} must be written there: find the cause (dmesg), and "
            "remount it for writing."
        )
    # Some file systems have no limit of files, and report 0.
    if stat.f_files and stat.f_favail < FILES_RESERVE:
        return (
            f"{path} is on a file system with room for only {stat.f_favail} more files (df -i), but {why} must be "
            "written there: remove files that you do not need."
        )
    return ""


def disk_finding(path: str, free: int, needed: int, why: str) -> str:
    """A sentence when a file system has too little room, else ``""``.

    :param free: bytes.
    :param needed: bytes.
    :param why: what needs them, with its article.
    """
    if needed <= free:
        return ""
    return (
        f"Not enough disk space for {why}: {mib(needed)} MiB are needed, and {mib(free)} MiB are free at {path}. "
        "Remove files or images there that you do not need (docker image prune), or use a larger disk."
    )


def mib(count: int) -> int:
    """Bytes as whole MiB, for people; a negative number as 0."""
    return max(round(count / MIB), 0)
