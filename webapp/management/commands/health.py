"""`python manage.py health`: whether this process could work now. For a container's health check."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from webapp import broker


class Command(BaseCommand):
    """Ask the database and the broker, or with --web the web server; one that does not answer is named."""

    help = "End with 0 if the database and the broker (or with --web the pages) answer."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The address to ask instead."""
        parser.add_argument("--web", metavar="URL", help="ask the web server at this address")

    def handle(self, *_: Any, **options: Any) -> None:
        """Ask, and say nothing if all is well."""
        if options["web"]:
            _ask_web(options["web"])
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as problem:
            raise CommandError(f"the database does not answer: {problem}") from problem
        if not broker.answers(settings.BROKER_URL.replace("redis+socket://", "unix://", 1)):
            raise CommandError("the broker does not answer")


def _ask_web(url: str) -> None:
    """One request as the proxy in front would send it. A redirect to the sign-in page is an answer."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=10)
    headers = {"Host": settings.ALLOWED_HOSTS[0], "X-Forwarded-Proto": "https"}
    try:
        link.request("GET", parts.path or "/", headers=headers)
        status = link.getresponse().status
    except OSError as problem:
        raise CommandError(f"the web server does not answer at {url}: {problem}") from problem
    finally:
        link.close()
    if status >= 400:
        raise CommandError(f"the web server answers {status} at {url}")
