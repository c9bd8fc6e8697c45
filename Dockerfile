# One image for the web server, the workers and the scheduler.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt .
# torch before what needs it: a looser requirement of another package would choose a far larger build.
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir "$(grep '^torch==' requirements.txt)" \
 && /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11.13-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=webapp.settings \
    FILIATION_HOME=/data \
    HF_HUB_OFFLINE=1
# WeasyPrint sets the text of a PDF with Pango, in DejaVu.
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
      libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 filiation \
 && useradd --uid 10001 --gid filiation --no-create-home --home-dir /data --shell /usr/sbin/nologin filiation \
 && install -d -o filiation -g filiation -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY forensics forensics
COPY webapp webapp
COPY tasks tasks
COPY docs/terminology.md docs/terminology.md
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "webapp.wsgi:application"]
