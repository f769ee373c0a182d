# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the user says about Nginx, checked."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._validation import (
    COLORS,
    check_both_colors,
    check_container,
    check_host,
    check_nginx_file,
    check_port,
    check_server,
    check_upstream,
    check_url,
)


class Nginx(NamedTuple):
    """The settings of Nginx.

    ``servers`` maps a color to ``address:port`` as Nginx sees it; ``container`` is empty for an Nginx on the host.
    """

    upstream: str
    file: str
    container: str
    servers: dict[str, str]
    public_url: str
    public_host: str
    validate_certs: bool = True
    backup: bool = False


def nginx_settings(params: dict[str, Any]) -> Nginx:
    """The :class:`Nginx` in the parameters of a module, checked and completed from ``app`` and ``ports``.

    :raises BluegreenError: a parameter cannot be used.
    """
    ports = check_both_colors("ports", params["ports"])
    servers = params["servers"] or {
        color: f"127.0.0.1:{check_port(f'ports.{color}', ports[color])}" for color in COLORS
    }
    check_both_colors("servers", servers)
    for color in COLORS:
        check_server(f"servers.{color}", servers[color])
    check_url("public_url", params["public_url"])
    return Nginx(
        upstream=check_upstream("upstream", params["upstream"] or params["app"]),
        file=check_nginx_file("file", params["file"] or f"/etc/nginx/conf.d/bluegreen-{params['app']}.conf"),
        container=check_container("container", params["container"]),
        servers=servers,
        public_url=params["public_url"],
        public_host=check_host("public_host", params["public_host"]),
        validate_certs=params["validate_certs"],
        backup=params["backup"],
    )
