# A Docker Engine: the one that runs, or Debian's own.
# The host for the demo and the tests needs nothing but an engine and `docker build`; Compose runs
# inside the Pi-sized hosts, from their own packages.

engine_answers() { docker info >/dev/null 2>&1; }

engine() {
    engine_answers && return
    # The engine is what is asked for; a `docker` command on the path may well come without one.
    if ! command -v dockerd >/dev/null; then
        apt_install docker.io
        # Debian 12 has the command line in docker.io, Debian 13 in a package of its own.
        command -v docker >/dev/null || apt_install docker-cli
    fi
    if [ -d /run/systemd/system ]; then
        as_root systemctl enable --now --quiet docker.service
    else
        start_engine_by_hand
    fi
    local tries=0
    until engine_answers; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || fail "the Docker Engine did not answer within 30 s; see ${engine_log:-journalctl -u docker}."
        sleep 0.5
    done
    say "Docker Engine $(docker version --format '{{.Server.Version}}') is running."
}

# A machine without systemd (a container, a CI worker). The engine has to outlive this script and its
# terminal, and must not keep the set-up's lock (descriptor 9) or its output open.
start_engine_by_hand() {
    engine_log=$state/dockerd.log
    if [ -S /var/run/docker.sock ] && [ "$(id -u)" -ne 0 ]; then
        fail "the Docker Engine refuses this user; add it to the group 'docker' or run lab/setup as root."
    fi
    say "Starting dockerd (no systemd here); its log is $engine_log."
    # shellcheck disable=SC2024  # the log belongs to the user who asked
    as_root setsid --fork dockerd </dev/null >"$engine_log" 2>&1 9>&-
}
