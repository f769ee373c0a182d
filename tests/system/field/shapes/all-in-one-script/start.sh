#!/bin/sh
# What an image of everything does.
celery --app=field worker --concurrency=2 --queues=celery,reports --loglevel=WARNING &
exec gunicorn --bind=0.0.0.0:8000 --worker-class=gthread --workers=1 --threads=8 field:web
