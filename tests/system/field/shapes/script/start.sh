#!/bin/sh
# Waits for the broker, then runs what it is given, without exec.
until python3 -c "import socket; socket.create_connection(('redis', 6379), 2)" 2>/dev/null; do sleep 0.5; done
"$@"
