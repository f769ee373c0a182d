# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether requests to the public URL will be able to prove a switch, by the answer to one before it. Pure decisions."""

from __future__ import annotations

from typing import NamedTuple

from .._settings import Nginx
from .._validation import Url
from .location import NO, YES, Location

_REDIRECTS = (301, 302, 303, 307, 308)
# A limit of requests answers with 429 or 503; later requests get through.
_NO_UPSTREAM = (502, 503, 504, 429)
_FROM_CACHE = (200, *_REDIRECTS, 404)


class Answered(NamedTuple):
    """The outcome of requests to the public URL.

    Without an answer ``status`` is 0 and ``failure`` is half a sentence that says why. ``target`` is that of a
    redirect. ``reached`` is whether a connection to the live color came up, ``sure`` whether our request made it and
    not a visitor.
    """

    status: int
    failure: str = ""
    target: str = ""
    reached: bool = False
    sure: bool = True


def findings(
    nginx: Nginx, url: Url, answered: Answered, where: Location, live: str | None
) -> tuple[list[str], list[str]]:
    """The reasons why requests to the public URL would prove nothing: ``(refusals, warnings)``, as sentences.

    :param url: the public URL.
    :param where: the location that answers it.
    :param live: the live color, ``None`` when there is none.
    """
    asked = f"bluegreen_public_url {nginx.public_url}"
    demanded = _demanded(nginx, url, answered, where)
    if demanded:
        return [f"{asked} {demanded}"], []
    # Where visitors open connections as well, the configuration decides.
    if answered.reached and (answered.sure or where.passes != NO and not where.caches):
        return [], [_cache_warning(nginx, url, where)] if where.cache else []
    if answered.failure.startswith("timed out"):
        sentence = (
            f"{asked} was not answered ({answered.failure}): if it is not answered at the switch either, the switch "
            "cannot be proved and is undone. Find out why it does not answer, or set bluegreen_public_url to a URL "
            "that answers at once."
        )
        return [], [sentence] if live else []
    # Nginx answers so while no web runs: the switch to one that does can still be proved.
    if where.passes != NO and (answered.status in _NO_UPSTREAM or where.own_errors and answered.status):
        return [], []
    # So it does where the file of the error page is missing, or where the app that does not run checks the login.
    without_web = where.error_page and answered.status == 404 or where.login_passes and answered.status == 500
    if where.passes == YES and without_web:
        return [], []
    # The proof keeps asking until that answer has left the cache.
    if where.passes != NO and where.brief and answered.status in _FROM_CACHE:
        return [], [_cache_warning(nginx, url, where)]
    return [f"{asked} {_without_app(nginx, url, answered, where)}"], []


def _demanded(nginx: Nginx, url: Url, answered: Answered, where: Location) -> str:
    """The end of a sentence about a demand of Nginx that our requests do not meet; empty without."""
    if answered.failure.startswith("its certificate is not valid"):
        return (
            f"cannot be asked: {answered.failure}. Set bluegreen_public_host to a name that the certificate is for, or "
            "bluegreen_public_validate_certs: false."
        )
    if answered.status == 401 and where.login and not (where.login_passes and answered.reached):
        return (
            f"is answered with 401, because {where.login} asks for a login, so requests there cannot prove which color "
            f"Nginx serves: {_way_out(nginx, url, 'auth_basic off; ')}"
        )
    if answered.status == 403 and where.denied:
        return _shut_out(nginx, url, where.denied)
    if where.client_certificate and (answered.failure or answered.status in (400, 403)):
        return (
            f"cannot be asked, because {where.client_certificate} demands a client certificate: write a server block "
            f"without it that has listen 127.0.0.1:8081; and proxy_pass http://{nginx.upstream};, and set "
            f"bluegreen_public_url: http://127.0.0.1:8081{url.path}."
        )
    return ""


def _without_app(nginx: Nginx, url: Url, answered: Answered, where: Location) -> str:
    """The end of a sentence about a request that Nginx did not pass on, with the way out."""
    status, by = answered.status, f" ({where.place})" if where.place else ""
    proves = "so requests there cannot prove which color Nginx serves"
    if answered.failure:
        return f"was not answered ({answered.failure}), {proves}: {_way_out(nginx, url)}"
    if status in _REDIRECTS:
        target = answered.target.partition("?")[0]
        return (
            f"is answered with {status}, a redirect to {target or 'elsewhere'}{by}, and not by the app, {proves}: set "
            f"it to the URL that the app itself answers, or {_way_out(nginx, url)}"
        )
    if where.cache and status < 400:
        return f"is answered with {status} from the cache of Nginx ({where.cache}), {proves}: {_way_out(nginx, url)}"
    if status == 401:
        return f"is answered with 401, a login{by}, and not by the app, {proves}: {_way_out(nginx, url)}"
    if status == 403:
        return _shut_out(nginx, url, where.place)
    if status < 400:
        page = "a static page for example"
        return f"is answered with {status} by Nginx itself{by}, {page}, {proves}: {_way_out(nginx, url)}"
    return f"is answered with {status} by Nginx itself{by}, and not by the app, {proves}: {_way_out(nginx, url)}"


def _shut_out(nginx: Nginx, url: Url, place: str) -> str:
    by = f" ({place})" if place else ""
    return (
        f"is answered with 403 by Nginx{by}, which denies this host, so requests there cannot prove which color "
        f"Nginx serves: {_way_out(nginx, url, 'allow all; ')}"
    )


def expects_proxy_protocol(nginx: Nginx, url: Url, place: str) -> str:
    """The refusal of a port at which Nginx answers only a proxy in front of it.

    :param place: ``file:line`` of its ``listen``.
    """
    return (
        f"bluegreen_public_url {nginx.public_url} cannot be asked, because {place} expects the PROXY protocol there, "
        "which only the proxy in front speaks: add listen 127.0.0.1:8081; to that server block, and set "
        f"bluegreen_public_url: http://127.0.0.1:8081{url.path}."
    )


def _cache_warning(nginx: Nginx, url: Url, where: Location) -> str:
    return (
        f"bluegreen_public_url {nginx.public_url} may be answered from a cache of Nginx ({where.cache}). Such an "
        f"answer proves nothing, and the switch would be undone. To be sure, {_way_out(nginx, url)}"
    )


def _way_out(nginx: Nginx, url: Url, further: str = "") -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port == (443 if url.scheme == "https" else 80) else f":{url.port}"
    return (
        f"add location = /health/ {{ {further}proxy_pass http://{nginx.upstream}; }} to the server block of this app "
        "(instead of /health/ any path that the app answers), and set bluegreen_public_url: "
        f"{url.scheme}://{host}{port}/health/."
    )
