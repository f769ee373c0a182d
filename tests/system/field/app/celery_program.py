"""What pip makes for Celery as the program `celery`."""

import sys

from celery.__main__ import main

sys.exit(main())
