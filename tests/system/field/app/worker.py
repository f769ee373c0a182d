"""The same app under the name that Celery's subcommand has."""

from field import app, web  # noqa: F401  pylint: disable=unused-import
