"""What an admin page does: a periodic task more."""

from celery.schedules import schedule
from field import app
from redbeat import RedBeatSchedulerEntry

RedBeatSchedulerEntry("extra", "shop.work", schedule(run_every=3), args=("sleep", 0.1), app=app).save()
