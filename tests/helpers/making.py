"""Small real records for tests: suites, scripted models, response sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from forensics.probes import Probe, Suite
from forensics.records import GenerationConfig, Prompt
from webapp.catalogue.models import Authorisation, Model
from webapp.probing import models, services


def suite_record(prompts: int = 6, samples: int = 1, name: str = "small") -> Suite:
    """A suite of chat prompts p000, p001 ..."""
    config = GenerationConfig(max_tokens=16, samples=samples, temperature=1.0 if samples > 1 else 0.0)
    probes = tuple(Probe(Prompt.chat(f"p{i:03}", f"Question {i}?"), config) for i in range(prompts))
    return Suite(name, "1", "A small suite", probes)


def stored_suite(prompts: int = 6, samples: int = 1, name: str = "small") -> models.Suite:
    """The same, stored."""
    return services.register_suite(suite_record(prompts, samples, name))


def scripted_model(folder: Path, name: str = "rehearsed", **script: Any) -> Model:
    """A stored model whose replies are scripted; its sends are written to `folder`/journal."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"journal": str(folder / "journal")} | script))
    return Model.objects.create(name=name, adapter="scripted", location=str(path))


def sends(folder: Path) -> list[str]:
    """The journal's lines: one per send."""
    journal = folder / "journal"
    return journal.read_text().splitlines() if journal.exists() else []


def endpoint_model(url: str, name: str = "remote") -> Model:
    """A stored model behind an OpenAI-compatible endpoint on loopback, with an authorisation in force."""
    model = Model.objects.create(name=name, adapter="openai-compatible", location=url, remote_name="served")
    Authorisation.objects.create(model=model, granted_by="us", basis="our own server", starts_at=timezone.now())
    return model
