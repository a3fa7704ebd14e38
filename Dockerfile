FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/entente
WORKDIR /srv/entente
# The lock before the code: a change of code does not install everything again.
COPY requirements.lock ./
RUN /opt/entente/bin/pip install --require-hashes -r requirements.lock
COPY setup.py pyproject.toml README.md LICENSE LICENSE-DATA ./
COPY migrations ./migrations
COPY docs ./docs
COPY app ./app
# Builds the wheel, which carries the migrations, the docs and the bundled data, and installs that.
RUN /opt/entente/bin/pip install --no-deps --no-build-isolation . \
    # Tests and headers of what is installed, which nothing reads here.
    && find /opt/entente/lib -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="entente" \
      org.opencontainers.image.description="Timelines of how states and alliances act towards each other" \
      org.opencontainers.image.licenses="MIT AND CC-BY-4.0"
ENV PATH=/opt/entente/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENTENTE_DATABASE_URL=sqlite:////data/entente.db
RUN groupadd --gid 10001 entente \
    && useradd --uid 10001 --gid entente --no-create-home --shell /usr/sbin/nologin entente \
    && install -d -o entente -g entente /data
COPY --from=build /opt/entente /opt/entente
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Migrates and loads the bundled data on its first start; compose.yaml does both in a step of its own.
CMD ["entente", "serve", "--host", "0.0.0.0", "--port", "8000", "--first-start"]
