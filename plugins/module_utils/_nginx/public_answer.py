# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Whether requests to the public URL will be able to prove a switch, from what one is answered with before it."""

from __future__ import annotations

from typing import NamedTuple

from .._validation import Url
from .location import NO, YES, Location

_REDIRECTS = (301, 302, 303, 307, 308)
# The last one is that of a limit, as 503 may be; later requests get through.
_NO_UPSTREAM = (502, 503, 504, 429)
_FROM_CACHE = (200, *_REDIRECTS, 404)


class Answered(NamedTuple):
    """What came of requests to the public URL.

    ``status`` is 0 and ``failure`` half a sentence where there was no answer; ``target`` is that of a redirect.
    ``reached`` is whether a connection to the live color came up, ``sure`` whether that was not by visitors.
    """

    status: int
    failure: str = ""
    target: str = ""
    reached: bool = False
    sure: bool = True


def findings(nginx, url: Url, answered: Answered, where: Location, live: str | None) -> tuple[list[str], list[str]]:
    """Why requests to the public URL would prove nothing: ``(refusals, warnings)``, as sentences.

    :param nginx: settings with ``public_url`` and ``upstream``.
    :param url: the public URL, taken apart.
    :param live: the live color, ``None`` when there is none.
    """
    asked = f"bluegreen_public_url {nginx.public_url}"
    demanded = _demanded(nginx, url, answered, where)
    if demanded:
        return [f"{asked} {demanded}"], []
    # Among many visitors the files have the last word.
    if answered.reached and (answered.sure or where.passes != NO and not where.caches):
        return [], [_cache_warning(nginx, url, where)] if where.cache else []
    if answered.failure.startswith("timed out"):
        sentence = f"{asked} was not answered ({answered.failure}): if that is so at the switch too, it cannot be proved and is undone."
        return [], [sentence] if live else []
    # So it is while no web answers: the proof comes with the one that does.
    if where.passes != NO and (answered.status in _NO_UPSTREAM or where.own_errors and answered.status):
        return [], []
    # The page for that is missing, or the app itself is what is asked for a login.
    if where.passes == YES and (where.error_page and answered.status == 404 or where.login_passes and answered.status == 500):
        return [], []
    # The proof goes on asking until that answer is out of the cache.
    if where.passes != NO and where.brief and answered.status in _FROM_CACHE:
        return [], [_cache_warning(nginx, url, where)]
    return [f"{asked} {_without_app(nginx, url, answered, where)}"], []


def _demanded(nginx, url: Url, answered: Answered, where: Location) -> str:
    """What Nginx wants of a request that the tool's do not have; empty when nothing."""
    if answered.failure.startswith("its certificate is not valid"):
        return (
            f"cannot be asked: {answered.failure}. Set bluegreen_public_host to a name that the certificate is for, or "
            "bluegreen_public_validate_certs: false."
        )
    if answered.status == 401 and where.login and not (where.login_passes and answered.reached):
        return (
            f"is answered with 401, because {where.login} asks for a login, so requests there cannot prove which color Nginx "
            f"serves: {_way_out(nginx, url, 'auth_basic off; ')}"
        )
    if answered.status == 403 and where.denied:
        return _shut_out(nginx, url, where.denied)
    if where.client_certificate and (answered.failure or answered.status in (400, 403)):
        return (
            f"cannot be asked, because {where.client_certificate} demands a certificate of the client: write listen 127.0.0.1:8081; "
            f"into a server block without that which has proxy_pass http://{nginx.upstream};, and bluegreen_public_url: "
            f"http://127.0.0.1:8081{url.path}."
        )
    return ""


def _without_app(nginx, url: Url, answered: Answered, where: Location) -> str:
    """What happened to a request that Nginx did not pass on, and what to do about it."""
    status, by = answered.status, f" ({where.place})" if where.place else ""
    proves = "so requests there cannot prove which color Nginx serves"
    if answered.failure:
        return f"was not answered ({answered.failure}), {proves}: {_way_out(nginx, url)}"
    if status in _REDIRECTS:
        target = answered.target.partition("?")[0]
        return (
            f"is answered with {status}, a redirect to {target or 'elsewhere'}{by}, and not by the app, {proves}: set it to the URL "
            f"that the app itself answers, or {_way_out(nginx, url)}"
        )
    if where.cache and status < 400:
        return f"is answered with {status} from the cache of Nginx ({where.cache}), {proves}: {_way_out(nginx, url)}"
    if status == 401:
        return f"is answered with 401, a login{by}, and not by the app, {proves}: {_way_out(nginx, url)}"
    if status == 403:
        return _shut_out(nginx, url, where.place)
    if status < 400:
        return f"is answered with {status} by Nginx itself{by}, a static page for example, {proves}: {_way_out(nginx, url)}"
    return f"is answered with {status} by Nginx itself{by}, and not by the app, {proves}: {_way_out(nginx, url)}"


def _shut_out(nginx, url: Url, place: str) -> str:
    by = f" ({place})" if place else ""
    return (
        f"is answered with 403 by Nginx{by}, which does not let this host in, so requests there cannot prove which color Nginx "
        f"serves: {_way_out(nginx, url, 'allow all; ')}"
    )


def expects_proxy_protocol(nginx, url: Url, place: str) -> str:
    """The refusal of a port at which only a proxy in front of Nginx can ask."""
    return (
        f"bluegreen_public_url {nginx.public_url} cannot be asked, because {place} expects the PROXY protocol there, which only the "
        f"proxy in front speaks: write listen 127.0.0.1:8081; into that server block too, and bluegreen_public_url: "
        f"http://127.0.0.1:8081{url.path}."
    )


def _cache_warning(nginx, url: Url, where: Location) -> str:
    return (
        f"bluegreen_public_url {nginx.public_url} is in reach of a cache of Nginx ({where.cache}); an answer out of it proves nothing, "
        f"and then the switch is undone. To be sure, {_way_out(nginx, url)}"
    )


def _way_out(nginx, url: Url, further: str = "") -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port == (443 if url.scheme == "https" else 80) else f":{url.port}"
    return (
        f"write location = /health/ {{ {further}proxy_pass http://{nginx.upstream}; }} with a path that the app answers into that "
        f"server block, and bluegreen_public_url: {url.scheme}://{host}{port}/health/."
    )
