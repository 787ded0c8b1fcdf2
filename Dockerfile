# Two images: `classify` for every part but training, `train` with TensorFlow for training and migrations.
# docker-compose.yml says which command each service runs.
FROM python:3.12-slim AS packages

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp \
    HEADCT_HOME=/var/lib/headct

# The home is made here so that a new volume belongs to this user; compose may name another one.
RUN groupadd --gid 1000 headct \
    && useradd --uid 1000 --gid 1000 --no-create-home --shell /usr/sbin/nologin headct \
    && install -d -m 0700 -o headct -g headct /var/lib/headct

WORKDIR /app

# The packages come before the code: they change seldom, and a layer of their own is kept.
COPY requirements.lock ./
RUN pip install --only-binary :all: --require-hashes --no-deps -r requirements.lock

ENTRYPOINT ["headct"]
CMD ["--help"]

FROM packages AS train-packages
COPY requirements-train.lock ./
RUN pip install --only-binary :all: --require-hashes --no-deps -r requirements-train.lock

FROM scratch AS code
COPY pyproject.toml README.md headct.py /app/
COPY cli /app/cli
COPY core /app/core
COPY db /app/db
COPY images /app/images
COPY models /app/models
COPY scheduler /app/scheduler
COPY services /app/services
COPY training /app/training
COPY web /app/web
COPY worker /app/worker

FROM train-packages AS train
COPY --from=code /app ./
RUN pip install --no-deps --no-build-isolation --editable .
USER 1000:1000

# The last one is what `docker build .` makes.
FROM packages AS classify
COPY --from=code /app ./
RUN pip install --no-deps --no-build-isolation --editable .
USER 1000:1000
