# Virtual environments with pinned contents, and what Ansible's tools need around them.

# python_between LOW HIGH: the first interpreter of that range that can make virtual environments.
# The system's own comes first: a version manager's shims answer to names that they do not run.
python_between() {
    local low=$1 high=$2 candidate
    for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.10 \
        "$HOME"/.pyenv/versions/3.1*/bin/python3; do
        command -v "$candidate" >/dev/null || continue
        if "$candidate" - "$low" "$high" >/dev/null 2>&1 <<'PY'; then
import sys, venv, ensurepip
low, high = (tuple(map(int, text.split("."))) for text in sys.argv[1:])
sys.exit(not low <= sys.version_info[:2] <= high)
PY
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# make_venv FOLDER REQUIREMENTS CONSTRAINTS LOW HIGH: does nothing when it was made from these very files.
make_venv() {
    local folder=$1 requirements=$2 constraints=$3 low=$4 high=$5 python wanted
    wanted=$(cat "$requirements" "$constraints" | sha256sum)
    if [ "$(cat "$folder/.made-from" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c pass 2>/dev/null; then
        return
    fi
    if ! python=$(python_between "$low" "$high"); then
        command -v apt-get >/dev/null && apt_install python3-venv
        python=$(python_between "$low" "$high") ||
            fail "${folder##*/} needs a Python from $low to $high with its venv module, and there is none here."
    fi
    say "Making ${folder##*/} with $("$python" --version) (about a minute)."
    rm -rf "$folder"
    "$python" -m venv "$folder"
    logged "${folder##*/}" "$folder/bin/pip" install --disable-pip-version-check \
        -r "$requirements" -c "$constraints"
    printf '%s\n' "$wanted" >"$folder/.made-from"
}

venv() {
    # ansible-core 2.19 runs on Python 3.11 to 3.13: Debian 12 and 13 have 3.11 and 3.13.
    make_venv "$root/.venv" "$lab/requirements.txt" "$lab/constraints.txt" 3.11 3.13
    collection_path
}

extra_venv() {
    local low=3.11 high=3.13
    # ansible-core 2.16 supports no controller beyond Python 3.12.
    [ "$1" != 2.16 ] || { low=3.10; high=3.12; }
    make_venv "$root/.venv-$1" "$lab/requirements-$1.txt" "$lab/constraints-$1.txt" "$low" "$high"
    collection_path
}

# ansible-rulebook's rule engine is Java. Each Debian has its own; whatever is there and new enough is used.
java() {
    local version package
    version=$( (command java -version 2>&1 || true) | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -lt 17 ] || return 0
    for package in openjdk-17-jre-headless openjdk-21-jre-headless; do
        # The index of a fresh machine is empty until it is updated.
        [ -n "$(apt-cache search --names-only "^$package\$" 2>/dev/null)" ] || apt_update
        if [ -n "$(apt-cache search --names-only "^$package\$" 2>/dev/null)" ]; then
            apt_install "$package"
            return
        fi
    done
    fail "ansible-rulebook needs Java 17 or later; install it by hand and run lab/setup again."
}

# The checkout under the name by which Ansible and Python look for a collection. Both follow the link;
# ansible-test does not, so it runs where the built collection is installed (noxfile.py).
collection_path() {
    local namespace=$root/.cache/collections/ansible_collections/smallfleet
    [ -L "$namespace/bluegreen" ] && return
    mkdir -p "$namespace"
    ln -sfn ../../../.. "$namespace/bluegreen"
}

# ansible-test makes virtual environments without pip and downloads a bootstrap script for them. It looks
# into its cache first, where this one does the same with Python's own ensurepip and the package index.
get_pip() {
    local cache=$HOME/.ansible/test/cache version
    mkdir -p "$cache"
    for version in 23_1_2 24_2 25_2; do
        # The name belongs to the real script too: where ansible-test got it, it stays.
        [ -e "$cache/get_pip_$version.py" ] || cp "$lab/lib/get_pip.py" "$cache/get_pip_$version.py"
    done
}
