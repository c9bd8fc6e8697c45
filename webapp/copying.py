"""What each page and each of its actions is on a terminal: the command that does the same, and the same with curl.

One registry for all pages. A page that is not in it is still readable with curl. The command of a form holds `{field}`
for the values of a field and `{--option field}` for an option that is left out where the field is empty: `copy.js`
fills them from the form as it stands, `filled` from what the address says. Secrets are never put into a line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from forensics.recording import file_name
from webapp.presenting import hidden

PYTHON = ".venv/bin/python"
MANAGE = f"{PYTHON} manage.py"
COOKIES = "filiation.cookies"
TOKEN = f"\"X-CSRFToken: $(awk '/csrftoken/ {{print $7}}' {COOKIES})\""
SLOT = re.compile(r"( ?)\{(--[\w-]+ )?(\w+)\}")
Context = Mapping[str, Any]
Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a page does. command: '' where only the pages do it. url: '' is the page itself.

    fields: what is sent, None for a page that is only read. named: the fields of the page's own form as the command
    knows them, where the form still fills both; None for any other action.
    """

    title: str
    command: str = ""
    url: str = ""
    fields: Fields | None = None
    named: Fields | None = None


def quoted(text: str) -> str:
    """A word of a shell line. A character that cannot be seen is written out, so that a terminal never obeys it."""
    if not any(hidden(character) or character in "\n\t" for character in text):
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    return f"\\U{ord(character):08x}" if hidden(character) or character in "\n\t" else character


def filled(template: str, fields: Fields) -> str:
    """The template with the fields' values, quoted; a field without any stands as its name in capitals."""

    def fill(found: re.Match[str]) -> str:
        gap, option, name = found[1], found[2] or "", found[3]
        values = " ".join(quoted(value) for value in fields.get(name, ()))
        return gap + option + values if values else "" if option else gap + name.upper()

    return SLOT.sub(fill, template)


def curl(request: HttpRequest, action: Action) -> str:
    """The line that asks for the page or does the action, with the session of `COOKIES`."""
    url = request.build_absolute_uri(action.url or request.get_full_path())
    if action.fields is None:
        return f"curl -s -b {COOKIES} {quoted(url)}"
    body = quoted(urlencode(action.fields, doseq=True))
    return f"curl -s -b {COOKIES} -e {quoted(url)} -H {TOKEN} --data {body} {quoted(url)}"


def session(request: HttpRequest) -> str:
    """The lines that make a session, asking for the password on the terminal."""
    url = quoted(request.build_absolute_uri(reverse("sign-in")))
    name = quoted(request.user.get_username())
    return (
        f"curl -s -c {COOKIES} -o /dev/null {url}\n"
        "read -rsp 'Password: ' FILIATION_PASSWORD\n"
        f"curl -s -b {COOKIES} -c {COOKIES} -o /dev/null -e {url} -H {TOKEN} --data-urlencode username={name}"
        f' --data-urlencode "password=$FILIATION_PASSWORD" {url}'
    )


def actions(request: HttpRequest, context: Context) -> list[Action]:
    """What the page of a request does: reading it first, then what can be changed from it."""
    match = request.resolver_match
    told = PAGES.get(match.view_name) if match else None
    return told(request, context) if told else [Action("Read this page")]


def _exported(context: Context, command: str, *more: str) -> str:
    """What a comparison read written out, and the engine's command on it."""
    comparison = context["comparison"]
    engine = [PYTHON, "-m", "forensics", command, "recorded", *more]
    engine += ["--suite-hash", comparison.suite.suite_hash, "--seed", str(comparison.seed)]
    return f"{MANAGE} export_comparison {comparison.pk} recorded && {' '.join(engine)}"


def _names(*models: str) -> list[str]:
    """Models as the exported corpus knows them."""
    return [quoted(file_name(model)) for model in models]


def _comparison(request: HttpRequest, context: Context) -> list[Action]:
    comparison = context["comparison"]
    if "view" not in context:
        retry = Action("Try it again", url=reverse("casework:retry", args=[comparison.pk]), fields={})
        return [Action("Read this page")] + ([retry] if comparison.state == "failed" else [])
    view = context["view"]
    lines = {
        "tree": lambda: _exported(context, "tree"),
        "ranking": lambda: _exported(context, "identify", "--questioned", *_names(context["questioned"])),
    }
    command = lines.get(view, lambda: _exported(context, "compare", "--out", "pairs.csv"))()
    if view == "pairs":
        return [Action("Every pair", command)]
    table = reverse("casework:csv", args=[comparison.pk, view])
    query = request.GET.urlencode()
    return [Action(f"The {view} as a table", command, url=f"{table}?{query}" if query else table)]


def _pair(_request: HttpRequest, context: Context) -> list[Action]:
    return _explained(context, context["a"].model.name, context["b"].model.name)


def _why(_request: HttpRequest, context: Context) -> list[Action]:
    return _explained(context, context["a"], context["b"], "--proposition", context["proposition"])


def _explained(context: Context, a: str, b: str, *more: str) -> list[Action]:
    comparison = context["comparison"]
    ask = f"{reverse('explaining:ask', args=[comparison.pk])}?{urlencode({'a': a, 'b': b})}"
    command = _exported(context, "explain", "--pair", *_names(a, b), *more)
    return [Action("Read this page", command), Action("Have the pair taken apart", command, ask, {})]


def _probe(_request: HttpRequest, context: Context) -> list[Action]:
    asked = quoted(f'"prompt_id": "{context["probe"].prompt_id}"')
    files = [f"recorded/responses/{n}.jsonl.gz" for n in _names(context["a"].model.name, context["b"].model.name)]
    export = f"{MANAGE} export_comparison {context['comparison'].pk} recorded"
    raw = [
        Action(f"The raw reply of {side.first.collection.model}", url=reverse("probing:raw", args=[side.first.pk]))
        for side in (context["left"], context["right"])
    ]
    return [Action("Both models' replies", f"{export} && zgrep -hF {asked} {' '.join(files)}"), *raw]


def _compare(_request: HttpRequest, context: Context) -> list[Action]:
    chosen = [m for m in context["models"] if str(m.pk) in context["wanted"]]
    suite = context["suite"]
    fields = {"suite": [suite.suite_hash] if suite else [], "models": [m.name for m in chosen], "title": []}
    command = f"{MANAGE} compare --suite {{suite}} --models {{models}} {{--title title}} --wait"
    sent = {"models": [str(m.pk) for m in chosen]}
    url = reverse("casework:start") + (f"?suite={suite.pk}" if suite else "")
    return [Action("Compare the chosen models", command, url, sent, fields)]


def _collect(_request: HttpRequest, context: Context) -> list[Action]:
    chosen = [m for m in context["models"] if str(m.pk) in context["wanted"]]
    suite = context["suite"]
    options = " ".join(
        f"{{--{name.replace('_', '-')} {name}}}"
        for name in ("budget_calls", "budget_tokens", "budget_money", "price_in", "price_out")
    )
    line = f'{MANAGE} collect --model "$model" --suite {{suite}} {options}'
    fields = {"suite": [suite.suite_hash] if suite else [], "models": [m.name for m in chosen]}
    sent = {"models": [str(m.pk) for m in chosen], "suite": [str(suite.pk)] if suite else []}
    command = f"for model in {{models}}; do {line}; done"
    return [Action("Start the collections", command, fields=sent, named=fields)]


def _collection(_request: HttpRequest, context: Context) -> list[Action]:
    collection = context["collection"]
    names = f"--model {quoted(collection.model.name)} --suite {collection.suite.suite_hash}"
    found = [Action("Read this page")]
    if collection.state == "running":
        found.append(Action("Follow it", f"{MANAGE} collect {names} --wait"))
        found.append(_act(collection, "pause"))
    if collection.state in ("paused", "failed"):
        resume = f"{MANAGE} collect {names} --budget-calls NUMBER --wait"
        url = reverse("probing:resume", args=[collection.pk])
        found.append(Action("Let it go on, under another budget", resume, url, {"budget_calls": ["NUMBER"]}))
    if collection.is_open or collection.state == "failed":
        found.append(_act(collection, "cancel"))
    return found


def _act(collection: Any, act: str) -> Action:
    return Action(act.capitalize(), url=reverse("probing:act", args=[collection.pk, act]), fields={})


def _model(_request: HttpRequest, context: Context) -> list[Action]:
    model = context["model"]
    found = [Action("Read this page")]
    if context["outside"]:
        at = {name: reverse(f"catalogue:{name}", args=[model.pk]) for name in ("test", "authorise", "secret")}
        tested = f"{MANAGE} test_connection {quoted(model.name)}"
        grant = {"granted_by": ["NAME"], "basis": ["GROUND"]}
        found.append(Action("Test the connection", tested, at["test"], {}))
        found.append(Action("Record an authorisation", url=at["authorise"], fields=grant))
    return found


def _register(_request: HttpRequest, context: Context) -> list[Action]:
    options = "{--granted-by granted_by} {--basis basis}"
    lines = {
        "endpoint": f"{MANAGE} register_endpoint --name {{name}} --url {{base_url}} --model {{remote_name}} "
        f"--adapter {{adapter}} --preset {{preset}} --role {{role}} --access {{access}} --secret-file - {options}",
    }
    return [Action("Register it", lines.get(context["way"], ""), fields={}, named={})]


PAGES: dict[str, Callable[[HttpRequest, Context], list[Action]]] = {
    "casework:comparison": _comparison, "casework:pair": _pair, "casework:channel": _pair, "casework:probe": _probe,
    "explaining:why": _why,
    "casework:start": _compare, "probing:start": _collect, "probing:collection": _collection,
    "catalogue:model": _model, "catalogue:register": _register,
}  # fmt: skip


def lines(request: HttpRequest, context: Context) -> Iterator[dict[str, Any]]:
    """What a page shows of its actions: title, command and curl, and what fills them from the page's own form."""
    for action in actions(request, context):
        form = action.named is not None
        yield {
            "title": action.title, "curl": curl(request, action), "form": form,
            "command": filled(action.command, action.named or {}) if form else action.command,
            "template": action.command if form else "",
        }  # fmt: skip
