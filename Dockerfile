# The gateway: built from this folder with locked, hashed requirements; runs as nobody in particular
# on a root file system that may be read-only. `compose.yaml` runs a whole installation of it.

# ---- what browsers load, and the wheel that packs it in
FROM python:3.11-slim-bookworm AS wheel
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends make libatomic1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# The requirements change more seldom than the source.
COPY requirements-dev.txt ./
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.txt
COPY . .
RUN make wheel

# ---- what runs
FROM python:3.11-slim-bookworm AS environment
RUN python -m venv /opt/gateway
COPY requirements.txt /tmp/
RUN /opt/gateway/bin/python -m pip install --quiet --no-cache-dir --no-deps --require-hashes \
    --requirement /tmp/requirements.txt
COPY --from=wheel /source/dist/*.whl /tmp/
RUN /opt/gateway/bin/python -m pip install --quiet --no-cache-dir --no-deps /tmp/*.whl \
    && /opt/gateway/bin/python -m pip uninstall --quiet --yes setuptools pip \
    && /opt/gateway/bin/python -m compileall -q /opt/gateway/lib

# ---- pgbouncer, for compose.yaml: `docker build --target pgbouncer .`
FROM debian:bookworm-slim AS pgbouncer
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends pgbouncer \
    postgresql-client && rm -rf /var/lib/apt/lists/*
COPY gateway/deploy/pgbouncer.ini gateway/deploy/pgbouncer.sh /etc/pgbouncer/
USER 10001:10001
EXPOSE 6432
# Transactions under way end first; at SIGTERM they would be cut off.
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/etc/pgbouncer/pgbouncer.sh"]

# ---- the gateway; the last stage is what `docker build .` makes
FROM python:3.11-slim-bookworm AS gateway
COPY --from=environment /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
# Liveness; whether it may get requests is the proxy's to ask, at /readyz.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--no-mail"]
