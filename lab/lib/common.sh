# Talking to the person, becoming root, installing Debian packages.
# Sourced by lab/setup, which sets $root, $lab and $state.

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "lab/setup: $*"
    exit 1
}

# as_root COMMAND…: for the few steps that need it; a machine with an engine and a venv needs none.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for '$*' and there is no sudo; run lab/setup as root once."
    fi
}

# Runs a long command with its output in a log that is shown only when it fails.
logged() {
    local log=$state/$1.log
    shift
    if ! "$@" >"$log" 2>&1 9>&-; then
        tail -n 40 "$log" >&2
        fail "'$*' failed; the whole log is $log."
    fi
}

apt_update() {
    # A third party's source that does not answer must not stop us: what is missing shows at install.
    as_root apt-get update -qq >"$state/apt-update.log" 2>&1 || true
}

apt_install() {
    command -v apt-get >/dev/null ||
        fail "'$*' must be installed and this is no Debian; install it by hand and run lab/setup again."
    say "Installing Debian packages: $*"
    apt_update
    logged apt-install as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@"
}

chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do
        # Not command -v, which would find this function.
        if type -P "$name" >/dev/null; then return; fi
    done
    apt_install chromium
}

# Nginx's program alone, for tests that start one of their own: its package would start a service on port 80.
nginx_program() {
    local name
    for name in nginx /usr/sbin/nginx; do
        if type -P "$name" >/dev/null; then return; fi
    done
    unpacked nginx usr/sbin/nginx
    "$root/.cache/nginx/usr/sbin/nginx" -v 2>/dev/null ||
        fail "Nginx's program does not run without its package; install nginx-light by hand."
}

# unpacked NAME FILE: .cache/NAME/FILE from Debian's package of that name, which is not installed.
unpacked() {
    local name=$1 folder=$root/.cache/$1
    [ ! -x "$folder/$2" ] || return 0
    command -v apt-get >/dev/null || fail "$name is needed and this is no Debian; put its program at $folder/$2."
    say "Fetching $name into .cache/$name"
    apt_update
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    (
        cd "$folder.new"
        logged "$name" apt-get download "$name"
        dpkg -x "$name"_*.deb .
    )
    mv "$folder.new" "$folder"
}

lint_tools() {
    command -v shellcheck >/dev/null || apt_install shellcheck
}
