"""How others send the same calls, where they are installed: as commands, each in a process of its own.

FILIATION_BENCH_PEERS may name folders (separated by :) that are looked in before PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and where."""

    words: list[str]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)


def question(number: int) -> str:
    """What is asked: the same by everybody."""
    return f"Question {number}: which river flows through the largest town that you can think of, and why there?"


def commands(port: int, calls: int, at_once: int) -> Iterator[tuple[str, Command | None]]:
    """Each peer's name and its command, None where it is not installed."""
    yield (
        "bare asyncio, aiohttp",
        Command([sys.executable, "-m", "benchmarks.collect", str(port), str(calls), str(at_once)]),
    )
    folder = Path(tempfile.mkdtemp(prefix="filiation-peers-"))
    asked = [question(number) for number in range(calls)]
    url = f"http://127.0.0.1:{port}/v1"
    for name, tool, make in (
        ("inspect_ai", "inspect", _inspect),
        ("promptfoo", "promptfoo", _promptfoo),
        ("lm-eval", "lm_eval", _lm_eval),
    ):
        found = shutil.which(tool, path=f"{os.environ.get('FILIATION_BENCH_PEERS', '')}:{os.environ.get('PATH', '')}")
        yield name, make(found, folder, url, asked, at_once) if found else None


def _inspect(tool: str, folder: Path, url: str, asked: list[str], at_once: int) -> Command:
    (folder / "samples.jsonl").write_text("\n".join(json.dumps({"input": one}) for one in asked))
    (folder / "asking.py").write_text(
        "from inspect_ai import Task, task\n"
        "from inspect_ai.dataset import json_dataset\n"
        "from inspect_ai.solver import generate\n\n\n"
        "@task\ndef asking():\n    return Task(dataset=json_dataset('samples.jsonl'), solver=generate())\n"
    )
    words = [tool, "eval", "asking.py", "--model", "openai-api/bench/served", "--display", "none"]
    words += ["--max-connections", str(at_once), "--max-samples", str(at_once), "--max-tokens", "64"]
    return Command(words, folder, {"BENCH_API_KEY": "none", "BENCH_BASE_URL": url})


def _promptfoo(tool: str, folder: Path, url: str, asked: list[str], at_once: int) -> Command:
    config = {"apiBaseUrl": url, "apiKey": "none", "max_tokens": 64}
    plain = {
        "prompts": ["{{asked}}"],
        "providers": [{"id": "openai:chat:served", "config": config}],
        "tests": [{"vars": {"asked": one}} for one in asked],
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(plain))
    words = [tool, "eval", "-c", "promptfooconfig.json", "-j", str(at_once), "--no-cache", "--no-progress-bar"]
    quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": str(folder)}
    return Command([*words, "--no-table", "-o", "told.json"], folder, quiet)


def _lm_eval(tool: str, folder: Path, url: str, asked: list[str], at_once: int) -> Command:
    (folder / "asked.jsonl").write_text("\n".join(json.dumps({"q": one, "a": "none"}) for one in asked))
    (folder / "asking.yaml").write_text(
        "task: asking\ndataset_path: json\ndataset_kwargs: {data_files: {test: asked.jsonl}}\ntest_split: test\n"
        "output_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
        "generation_kwargs: {until: [], max_gen_toks: 64}\nmetric_list: [{metric: exact_match}]\n"
    )
    model = f"model=served,base_url={url}/chat/completions,num_concurrent={at_once},tokenized_requests=False"
    words = [tool, "--model", "local-chat-completions", "--model_args", model, "--apply_chat_template"]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    return Command([*words, "--tasks", "asking", "--include_path", str(folder)], folder, quiet)
