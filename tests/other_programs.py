"""What a machine can hold for other programs that use the same libraries, all of it nonsense."""

import json
from pathlib import Path

_NONSENSE = "tcp://10.0.0.9:1"  # as a container's link to a service has it

VARIABLES = {
    # Kubernetes' and Docker's links to services named headct and headct-flower, -metrics, -redis
    "HEADCT_PORT": _NONSENSE,
    "HEADCT_PORT_80_TCP": _NONSENSE,
    "HEADCT_PORT_80_TCP_ADDR": "10.0.0.9",
    "HEADCT_PORT_80_TCP_PORT": "80",
    "HEADCT_PORT_80_TCP_PROTO": "tcp",
    "HEADCT_SERVICE_HOST": "10.0.0.9",
    "HEADCT_SERVICE_PORT": "80",
    "HEADCT_SERVICE_PORT_HTTP": "80",
    "HEADCT_REDIS_PORT": _NONSENSE,
    "HEADCT_REDIS_SERVICE_HOST": "10.0.0.9",
    "HEADCT_FLOWER_PORT_5555_TCP_ADDR": "10.0.0.9",
    "FLOWER_PORT": _NONSENSE,
    "FLOWER_ADDRESS": "nowhere.invalid",
    "FLOWER_URL_PREFIX": "elsewhere",
    "FLOWER_PERSISTENT": "true",
    "FLOWER_CERTFILE": "/nowhere",
    "FLOWER_INSPECT_TIMEOUT": "nonsense",
    "FLOWER_BASIC_AUTH": "nobody",
    "REDIS_URL": _NONSENSE,
    "REDIS_PORT": _NONSENSE,
    # Celery, kombu, billiard
    "CELERY_BROKER_URL": _NONSENSE,
    "CELERY_BROKER_READ_URL": _NONSENSE,
    "CELERY_BROKER_WRITE_URL": _NONSENSE,
    "CELERY_RESULT_BACKEND": _NONSENSE,
    "CELERY_CONFIG_MODULE": "nonsense",
    "CELERY_LOADER": "nonsense",
    "CELERY_CUSTOM_WORKER_POOL": "nonsense",
    "CELERY_BENCH": "1",
    "CELERY_LOG_LEVEL": "nonsense",
    "CELERY_TRACE_APP": "1",
    "AUTOSCALE_KEEPALIVE": "nonsense",
    "DJANGO_SETTINGS_MODULE": "nonsense",
    "FORKED_BY_MULTIPROCESSING": "1",
    "KOMBU_LOG_DEBUG": "1",
    "KOMBU_LOG_CONNECTION": "1",
    "PICKLE_PROTOCOL": "nonsense",
    "REMAP_SIGTERM": "SIGKILL",
    "C_WNOCONF": "nonsense",
    "C_STRICT_APP": "1",
    # supervisord
    "SUPERVISOR_PID": "nonsense",
    "SUPERVISOR_ENABLED": "1",
    "SUPERVISOR_SERVER_URL": _NONSENSE,
    # PostgreSQL
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "10.0.0.9",
    "PGPORT": _NONSENSE,
    "PGUSER": "nobody",
    "PGPASSWORD": "nonsense",
    "PGDATABASE": "nonsense",
    "PGSERVICE": "nonsense",
    "PGSERVICEFILE": "/nowhere",
    "PGSSLMODE": "nonsense",
    "PGSSLROOTCERT": "/nowhere",
    "PGOPTIONS": "-c nonsense=1",
    "PGTARGETSESSIONATTRS": "nonsense",
    "PGCLIENTENCODING": "nonsense",
    "PGREQUIREAUTH": "nonsense",
    # what computes
    "KERAS_BACKEND": "torch",
    "KERAS_HOME": "/nowhere",
    "KERAS_MAX_EPOCHS": "nonsense",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "TF_CONFIG": "{nonsense",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "nonsense",
    "TF_XLA_FLAGS": "--nonsense",
    "XLA_FLAGS": "--nonsense",
    "AUTOGRAPH_STRICT_CONVERSION": "1",
    "OMP_NUM_THREADS": "nonsense",
    "OPENBLAS_NUM_THREADS": "nonsense",
    "OPENBLAS_CORETYPE": "Nonsense",
    "MKL_NUM_THREADS": "nonsense",
    "ORT_DISABLE_ALL": "1",
    "ORT_INTRA_OP_NUM_THREADS": "nonsense",
    "ORT_LOAD_CONFIG_FROM_MODEL": "nonsense",
    "OPENCV_CPU_DISABLE": "nonsense",
    "OPENCV_IPP": "nonsense",
    "OPENCV_FOR_THREADS_NUM": "nonsense",
    "OPENCV_IO_MAX_IMAGE_PIXELS": "nonsense",
    "OPENCV_DUMP_CONFIG": "1",
    "OPENCV_TEMP_PATH": "/nowhere",
    "SCIPY_ARRAY_API": "nonsense",
    "SKLEARN_WORKING_MEMORY": "nonsense",
    "SKLEARN_SEED": "nonsense",
    "JOBLIB_MULTIPROCESSING": "nonsense",
    "LOKY_MAX_CPU_COUNT": "nonsense",
    "NPY_PROMOTION_STATE": "legacy",
    "NUMPY_MADVISE_HUGEPAGE": "nonsense",
    "NPY_ENABLE_CPU_FEATURES": "NONSENSE",
    "MPLBACKEND": "nonsense",
    "MPLCONFIGDIR": "/nowhere",
    "TF2ONNX_CATCH_ERRORS": "nonsense",
    "PYTZ_TZDATADIR": "/nowhere",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    "PROMETHEUS_DISABLE_CREATED_SERIES": "nonsense",
    "GRPC_VERBOSITY": "nonsense",
    # Python and the command line
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "ascii:strict",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONINSPECT": "1",
    "PYTHONUSERBASE": "/nowhere",
    "TYPER_USE_RICH": "nonsense",
    "_TYPER_STANDARD_TRACEBACK": "1",
    "TERMINAL_WIDTH": "nonsense",
    "TTY_COMPATIBLE": "1",
    "GITHUB_ACTIONS": "1",
    # let in: they say where a person is
    "TZ": "Nowhere/Nonsense",
    "LC_ALL": "C",
    "COLUMNS": "nonsense",
    "HTTP_PROXY": _NONSENSE,
}

_SAYS_SO = "raise RuntimeError('a file of another program was run')\n"
_FILES = {
    **dict.fromkeys(("celeryconfig.py", "flowerconfig.py", "sitecustomize.py", "usercustomize.py"), _SAYS_SO),
    **dict.fromkeys(("redis.py", "celery.py", "numpy.py", "headct_test.py", "core.py"), _SAYS_SO),
    "cli/__init__.py": _SAYS_SO,
    "supervisord.conf": "[supervisord]\nnodaemon=nonsense\n",
    "alembic.ini": "[alembic]\nscript_location = /nowhere\n",
    "matplotlibrc": "figure.dpi: 1\n",
    "pg_service.conf": "[nonsense]\nhost=nowhere\n",
    "redis.conf": "port nonsense\n",
}
_OF_THE_USER = {
    ".keras/keras.json": json.dumps(
        {"backend": "jax", "floatx": "float16", "epsilon": 0.5, "image_data_format": "channels_first"}
    ),
    ".config/matplotlib/matplotlibrc": "figure.dpi: 1\n",
    ".pg_service.conf": "[nonsense]\nhost=nowhere\n",
}


def other_programs(folder: Path, user: Path) -> dict[str, str]:
    """Fill the folder that a command runs in, and that of the user, with their files; their variables."""
    for place, files in ((folder, _FILES), (user, _OF_THE_USER)):
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return {**VARIABLES, "HOME": str(user), "PYTHONPATH": str(folder)}
