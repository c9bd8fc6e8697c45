"""The two pages for whoever checks a bundle: how to make everything again, and what the other side should know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

RECOMPUTE, OPPOSING = "RECOMPUTE.md", "OPPOSING_EXPERT.html"


def recompute_page(about: Mapping[str, Any], index: Sequence[Mapping[str, Any]]) -> str:
    """RECOMPUTE.md: exact commands, the hashes to expect, and the tolerances.

    about: case, version, fingerprint, head, filiation (the version of the software), sealed, weights.
    """
    sealed = " --probes SUITE.json" if about["sealed"] else ""
    weights = " --weights NAME=FOLDER ..." if about["weights"] else ""
    rows = [f"| `{t['model']}` | {t['lines']} | `{t['content_hash']}` |" for t in index if t["compared"]]
    lines = [
        f"# Case {about['case']}, version {about['version']}: to make it again",
        "",
        "## 1. Is this what was sealed? (Python 3.11 or newer, nothing to install)",
        "",
        "```",
        "unzip -p BUNDLE verify.py > verify.py",
        f"python -I verify.py BUNDLE --key {about['fingerprint']} --head {about['head']}",
        "```",
        "",
        "Exit status 0: everything holds. 1: each fault names its file. Take fingerprint and head from the report, or"
        " from wherever they were published, not from this file: whoever can forge a bundle can forge this page.",
        "",
        "## 2. Do the raw replies give these results?",
        "",
        f"Install Filiation {about['filiation']} with the packages in `environment/lock.txt`, then:",
        "",
        "```",
        f"python -m forensics verify BUNDLE --key {about['fingerprint']}",
        f"python -m forensics recompute BUNDLE{sealed}{weights}",
        "```",
        "",
        "Every raw reply is read again by the reading of its adapter, every response set is made anew, and every score,"
        " likelihood ratio (log10), relation and distance is compared with `analysis/`. Exit status 0: all came out as"
        " stored. 5: something differs, and is named.",
        "",
        "On the same machine with the same packages every score and likelihood ratio is equal; on another one to 1e-9,"
        " relatively. Bootstrap replicates and what weights say, in single precision and in no likelihood ratio, are"
        " equal to 1e-5 anywhere.",
        *(["", "The probes are sealed: the bundle holds their hashes. Ask for the suite's file."] * bool(sealed)),
        *(["", "What weights say needs the weights folders, which are not in a bundle."] * bool(weights)),
        "",
        "## Response sets to expect (SHA-256 over completions and tokenizer)",
        "",
        "| model | lines | content hash |",
        "|---|---|---|",
        *rows,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


HERE = (
    ("verify.py", "checks all of this with Python alone"),
    ("manifest.json, manifest.sig", "every file's size and SHA-256, and an Ed25519 signature on that list"),
    ("case/", "question, propositions, plan, items, controls, authorisations, deviations, and what was excluded"),
    ("probes/", "what was asked, or its hash where the probes are sealed"),
    ("responses/", "every request as sent and every raw reply as received, failed and lost ones too"),
    ("analysis/", "the stored comparison: every score, likelihood ratio, relation and distance of every pair"),
    ("validation/", "the calibration in use, and what the method did on pairs of known relation"),
    ("references/", "hashes of the responses that each model was compared by"),
    ("custody/", "who did what and when, each entry bearing the hash of the one before"),
    ("environment/", "versions of all software"),
    ("report/, figures/", "the report and its figures, where this version has one"),
)
NOT_SHOWN = (
    "That a reply was made by the model whose name the server returned: who answers is known from the server alone.",
    "When something happened: times are the operator's unless a timestamp token is here. The chain shows order, and "
    "only against a head that was published outside does it show that its end was not cut off.",
    "That nothing was asked outside this case. Whoever asks can ask elsewhere, and keep to themselves what came back.",
    "Which of two models came first, where the report says that the direction is not determined.",
    "A likelihood ratio says how much more probable the findings are if Hp than if Hd. It is not the probability "
    "that Hp is true, and it holds for the stated Hd and the conditions under `validation/` alone.",
    "Replies that were recorded elsewhere have no raw bytes here: how they came about rests on whoever recorded them.",
)
ASK = (
    "Was the plan frozen before the first reply? Compare `case/plan.json` with the times in `responses/`.",
    "What was left out? `case/excluded.json` lists it by rule; count it against `responses/index.json`.",
    "Are controls there, and did they pass? A control that failed must be explained in `case/controls.json`.",
    "Do the conditions of the calibration cover these models and prompts?",
    "Which alternatives were tested, and which were not? See `case/verdicts.json`.",
    "What remains if one channel, one family of probes or one reference is left out?",
)


STYLE = (
    "body{font:17px/1.6 Georgia,serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1d1d1f;background:#fff}"
    "h1,h2{line-height:1.2}h2{margin-top:2.5rem}code,pre{font:14px/1.5 monospace;overflow-wrap:anywhere}"
    "pre{background:#f3f1ec;padding:1rem;white-space:pre-wrap}li{margin:.5rem 0}table{border-collapse:collapse}"
    "th,td{border-top:1px solid #cfcac0;padding:.5rem .75rem .5rem 0;text-align:left;vertical-align:top}"
    "th{font:14px/1.5 monospace;white-space:nowrap}@media(max-width:40rem){th,td{display:block;border:0;padding:0}"
    "th{padding-top:.75rem;font-weight:bold}}"
)


def opposing_page(about: Mapping[str, Any]) -> str:
    """OPPOSING_EXPERT.html: what is here, how to check it, what it does not show, and what is worth asking."""
    commands = f"unzip -p BUNDLE verify.py &gt; verify.py\npython -I verify.py BUNDLE --key {about['fingerprint']}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>For the opposing expert: case {escape(about['case'])}</title>",
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>',
            f"<h1>For the opposing expert</h1><p>Case {escape(about['case'])}, version {about['version']}.",
            " The software wrote this page for you, the same for every case. You need nothing from its makers.",
            "</p><h2>What is here</h2><table><tbody>",
            *(f'<tr><th scope="row">{escape(name)}</th><td>{escape(what)}</td></tr>' for name, what in HERE),
            f"</tbody></table><h2>How to check it</h2><pre>{commands}</pre>",
            f"<p>Sealed by the key with the fingerprint <code>{escape(about['fingerprint'])}</code>; head of the chain "
            f"of custody <code>{escape(about['head'])}</code>. Compare both with copies from elsewhere.",
            f" To make every number again, see <code>{RECOMPUTE}</code>.</p>",
            "<h2>What it does not show</h2><ul>",
            *(f"<li>{_marked(line)}</li>" for line in NOT_SHOWN),
            "</ul><h2>What is worth asking</h2><ul>",
            *(f"<li>{_marked(line)}</li>" for line in ASK),
            "</ul></body></html>\n",
        )
    )


def _marked(text: str) -> str:
    """HTML of a line in which names of files stand between backticks."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
