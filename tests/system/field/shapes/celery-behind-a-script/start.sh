#!/bin/sh
# One script for everything that the app can be.
case $1 in
    jobs) exec celery --app=field worker --concurrency=2 --queues=celery,reports --loglevel=WARNING ;;
    *) exec gunicorn --bind=0.0.0.0:8000 field:web ;;
esac
