#!/usr/bin/env bash
set -euo pipefail
# Sends a push as GitHub does, signed with WEBHOOK_SECRET. The time makes each body unique, so that none counts as seen.
body=$(printf '{"ref":"%s","after":"%s","deleted":false,"repository":{"full_name":"%s"},"sent":"%s"}' \
    "$GITHUB_REF" "$GITHUB_SHA" "$GITHUB_REPOSITORY" "$(date --iso-8601=ns)")
signature=$(printf %s "$body" | python3 -c '
import hmac, os, sys
print(hmac.new(os.environ["WEBHOOK_SECRET"].encode(), sys.stdin.buffer.read(), "sha256").hexdigest())')
printf %s "$body" | curl --fail-with-body --silent --show-error --data-binary @- \
    --header "Content-Type: application/json" --header "X-GitHub-Event: push" \
    --header "X-GitHub-Delivery: $(cat /proc/sys/kernel/random/uuid)" \
    --header "X-Hub-Signature-256: sha256=$signature" "$WEBHOOK_URL"
