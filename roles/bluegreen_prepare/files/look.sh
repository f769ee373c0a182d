# shellcheck shell=sh
# Prints what this host has, one name=value per line, and changes nothing. One remote run instead of gathered facts.
# Asks each program itself whether it is installed, because it need not be a package.

PATH=$PATH:/usr/sbin:/sbin
number() { grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }

. /etc/os-release
echo "system=${PRETTY_NAME:-$ID}"
echo "distribution=$ID"
echo "release=${VERSION_CODENAME:-}"

echo "dockerd=$(command -v dockerd)"
echo "engine=$(docker version --format '{{.Server.Version}}' 2>/dev/null | number)"
echo "compose=$(docker compose version --short 2>/dev/null | number)"
echo "nginx=$(nginx -v 2>&1 | number)"
# Installed but stopped, as on the virtual machines of some CI services.
echo "nginx_stopped=$(systemctl show --property=LoadState,ActiveState nginx 2>/dev/null |
    awk '/^LoadState=loaded$/ { loaded = 1 } /^ActiveState=(inactive|failed)$/ { stopped = 1 }
        END { if (loaded && stopped) print "yes" }')"

# Two entries of one repository with different keys make every apt run fail, so Docker's is not added a second time.
echo "docker_repository=$(apt-cache policy docker-compose-plugin 2>/dev/null | grep -E '^ +[0-9]+ .*://')"
echo "docker_ce=$(dpkg-query --show --showformat '${Version}' docker-ce 2>/dev/null)"

# How many sockets listen on port 80, from the kernel's table, which is hexadecimal (0A: listening).
echo "port_80=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$2 ~ /:0050$/ && $4 == "0A"' | wc -l)"
