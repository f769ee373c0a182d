#!/bin/sh
# One script for everything that the app can be.
case $1 in
    scheduler) exec celery --app=field beat --loglevel=WARNING ;;
    *) exec celery --app=field worker --loglevel=WARNING ;;
esac
