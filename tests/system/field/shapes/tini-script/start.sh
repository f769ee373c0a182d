#!/bin/sh
# Prepares something, then runs what it is given, without exec.
mkdir -p /tmp/work && cd /srv/app || exit 1
"$@"
