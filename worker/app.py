"""The Celery app: how tasks travel over Redis. docs/architecture.md gives the reason for each setting."""

from celery import Celery

from core.broker import broker_url
from core.broker_url import celery_url, tls_options
from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.settings import Settings

CLASSIFY_TASK = "headct.classify_files"
TRAIN_TASK = "headct.train_model"
HEARTBEAT_TASK = "headct.heartbeat"

# A chunk takes well under a second; a file that hangs its decoder is given up after this.
CLASSIFY_TIME_LIMIT_S = 30
# What a stopping worker may still finish; `up` promises to be gone within 10 s.
SOFT_SHUTDOWN_S = 3


def create_app(settings: Settings, home: Home) -> Celery:
    """An app for these settings; importing `worker.tasks` gives it the tasks."""
    url = broker_url(settings, home)
    app = Celery("headct", broker=celery_url(url), set_as_current=True)
    app.conf.update(
        broker_use_ssl=tls_options(url) or None,
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_default_queue=INFERENCE_QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_timeout=False,
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2},
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_proc_alive_timeout=120,
        worker_soft_shutdown_timeout=SOFT_SHUTDOWN_S,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "queue_order_strategy": "priority",  # the queues in the order in which a worker names them
            "visibility_timeout": max(60, settings.lease_seconds),
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 30,
        },
    )
    return app
