"""The Celery application: workers and beat load it, tasks register with it."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alice.settings")

app = Celery("alice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
