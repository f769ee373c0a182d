# An emulated computer (lab/vm.py): the emulators, its root file system and the demo's images, for arm64 or amd64.
# Sourced by lab/setup. What is made lies in lab/.state/vm/ARCH/ and is made anew only when its recipe changed:
# an architecture that is not this machine's own takes half an hour.

vm_packages() {
    local missing=()
    command -v qemu-system-aarch64 >/dev/null || missing+=(qemu-system-arm)
    command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
    command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
    command -v update-binfmts >/dev/null || missing+=(binfmt-support)
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    command -v mke2fs >/dev/null || missing+=(e2fsprogs)
    command -v ssh-keygen >/dev/null || missing+=(openssh-client)
    [ "${#missing[@]}" -eq 0 ] || apt_install "${missing[@]}"
}

# Programs of ARCH run here too: the kernel hands them to qemu-user.
vm_runs_programs_of() {
    local name
    case $1 in arm64) name=qemu-aarch64 ;; amd64) name=qemu-x86_64 ;; esac
    [ "$(dpkg --print-architecture)" != "$1" ] || return 0
    [ ! -e "/proc/sys/fs/binfmt_misc/$name" ] || return 0
    mountpoint -q /proc/sys/fs/binfmt_misc ||
        as_root mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    [ -e "/proc/sys/fs/binfmt_misc/$name" ] || as_root update-binfmts --enable "$name"
}

# vm_stale FILE WANTED: whether FILE was made from something else, or is not there.
vm_stale() {
    [ ! -e "$1" ] || [ "$(cat "$1.made-from" 2>/dev/null)" != "$2" ]
}

vm() {
    local arch=$1 folder=$state/vm/$1 recipe
    mkdir -p "$folder"
    vm_packages
    # From here on it keeps nobody waiting but another one that builds the same.
    exec 8>"$folder/setup.lock" 9>&-
    flock 8
    recipe=$(cd "$lab" && cat images/vm/* standins/base-image lib/vm.sh | sha256sum | cut -c1-16)
    if vm_stale "$folder/disk.img" "$recipe"; then
        vm_disk "$arch" "$folder"
        printf '%s\n' "$recipe" >"$folder/disk.img.made-from"
    fi
    recipe=$(cd "$root/demo/app" && find . -type f ! -name '*.pyc' -print0 | sort -z |
        xargs -0 cat "$lab/lib/vm.sh" "$lab/standins/base-image" | sha256sum | cut -c1-16)
    if vm_stale "$folder/app.tar" "$recipe"; then
        vm_app "$arch" "$folder"
        printf '%s\n' "$recipe" >"$folder/app.tar.made-from"
    fi
}

# The base that both the machine and its app are made on; this machine's own where that serves.
vm_base() {
    if [ "$(dpkg --print-architecture)" = "$1" ]; then
        base_images trixie
        vm_base=debian:trixie-slim
        return
    fi
    vm_base=bluegreen-vm-base:$1
    vm_runs_programs_of "$1"
    image_exists "$vm_base" && return
    say "Making a Debian for $1 ($(vm_takes "$1" 'five minutes'))."
    logged "vm-base-$1" as_root nice -n 10 "$lab/standins/base-image" trixie "$1" "$vm_base"
}

vm_takes() {
    [ "$(dpkg --print-architecture)" = "$1" ] && echo "a minute or two" || echo "emulated: some $2"
}

# The classic builder, without a platform: it takes the base as it is, and the kernel runs what is in it. Told the
# platform, it refuses its own layers, which it marks as this machine's; BuildKit would want to pull the base.
vm_build() {
    local log=$1
    shift
    # Whatever else this machine does comes first.
    logged "$log" env DOCKER_BUILDKIT=0 docker build --cpu-shares 256 --label bluegreen.vm= "$@"
}

vm_disk() {
    local arch=$1 folder=$2 image=bluegreen-vm:$1 tree container
    vm_base "$arch"
    say "Building the root file system for $arch ($(vm_takes "$arch" 'twenty minutes'))."
    vm_build "vm-root-$arch" --tag "$image" --build-arg "BASE=$vm_base" \
        --build-arg "ARCH=$arch" "$lab/images/vm"
    [ -e "$state/vm/key" ] || ssh-keygen -q -t ed25519 -N '' -C 'smallfleet.bluegreen lab' -f "$state/vm/key"

    say "Making its disk."
    tree=$folder/tree
    as_root rm -rf "$tree"
    as_root mkdir -p "$tree"
    container=$(docker create "$image" true)
    docker export "$container" | as_root tar -C "$tree" --numeric-owner -xf -
    docker rm "$container" >/dev/null
    # The engine lays its own files over these in every container, and leaves them empty in an export.
    echo pi | as_root tee "$tree/etc/hostname" >/dev/null
    printf '127.0.0.1 localhost\n127.0.1.1 pi\n' | as_root tee "$tree/etc/hosts" >/dev/null
    as_root rm -f "$tree/.dockerenv" "$tree/etc/resolv.conf"
    home=$tree$(awk -F: '$1 == "root" { print $6 }' "$tree/etc/passwd")
    as_root install -d -m 0700 "$home/.ssh"
    as_root install -m 0600 "$state/vm/key.pub" "$home/.ssh/authorized_keys"
    as_root cp -L "$tree"/boot/vmlinuz-* "$folder/vmlinuz"
    as_root cp -L "$tree"/boot/initrd.img-* "$folder/initrd"
    as_root chown "$(id -u)" "$folder/vmlinuz" "$folder/initrd"
    rm -f "$folder/disk.img"
    logged "vm-disk-$arch" as_root mke2fs -q -t ext4 -L root -d "$tree" "$folder/disk.img" 8G
    as_root chown "$(id -u)" "$folder/disk.img"
    as_root rm -rf "$tree"
}

# The releases of the demo app, in one file that the machine's engine loads.
vm_app() {
    local arch=$1 folder=$2 release images=()
    vm_base "$arch"
    say "Building the demo app for $arch ($(vm_takes "$arch" 'ten minutes'))."
    for release in 1 2 3; do
        images+=("bluegreen-vm-$arch:$release")
        sed "s,^FROM debian:trixie-slim\$,FROM $vm_base," "$root/demo/app/Dockerfile" |
            vm_build "vm-app-$arch" --tag "bluegreen-vm-$arch:$release" \
                --build-arg "RELEASE=$release" --file - "$root/demo/app"
    done
    docker save "${images[@]}" >"$folder/app.tar"
}
