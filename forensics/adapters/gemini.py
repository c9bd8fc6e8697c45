"""Models behind Google's generateContent API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from forensics.adapters import Call, Target
from forensics.adapters._endpoint import AT_ONCE, Endpoint, NotOffered
from forensics.adapters._replies import (
    Reading,
    count,
    distribution,
    error_of,
    failed,
    judged,
    plain_of,
    text_of,
    without_text,
)
from forensics.errors import BadInput
from forensics.outbound import Answer
from forensics.records import Completion, Declaration, Mode, NextToken, Outcome

MOST_LOGPROBS = 20
FILTERS = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE")
ENDED = {"MAX_TOKENS": Outcome.TRUNCATED} | dict.fromkeys(FILTERS, Outcome.FILTERED)
ROLES = {"assistant": "model", "user": "user"}
NAME = re.compile(r"[\w.:@-]+(/[\w.:@-]+)*", re.ASCII)


class Gemini(Endpoint):
    """The plug-in. `Target.location` is the base URL, such as ``https://host/v1beta``."""

    declaration = Declaration(
        name="gemini",
        version="1",
        title="Gemini API",
        source="Gemini API reference: generateContent, streamGenerateContent, models",
        parameters={"concurrency": AT_ONCE},
        limitations=(
            "no raw text; the provider's default safety settings stay in force",
            "token probabilities are offered by few models, of the first generated token as kept here",
        ),
    )
    protocol = "gemini"
    offers = frozenset({"temperature", "seed", "n", "logprobs"})

    def headers(self, target: Target) -> Mapping[str, str]:
        """JSON, and the secret: never in the address, which is stored."""
        headers = {"Content-Type": "application/json"}
        return headers | ({"x-goog-api-key": target.secret} if target.secret else {})

    def models_path(self, target: Target) -> str:
        """The model itself: one that is there is listed."""
        return f"/{_name(target)}"

    def lists(self, answer: Answer, _target: Target) -> bool | None:
        """Whether the model is there."""
        return {200: True, 404: False}.get(answer.status)

    def refuses_key(self, answer: Answer) -> bool:
        """A wrong key is told by a reason among the details."""
        details = error_of(plain_of(answer.body)).get("details") or ()
        wrong = any(isinstance(row, dict) and row.get("reason") == "API_KEY_INVALID" for row in details)
        return wrong or super().refuses_key(answer)

    def request_of(self, call: Call, target: Target) -> tuple[str, dict[str, Any]]:
        """The path below the base URL and the JSON body for one call."""
        if call.prompt.mode is Mode.RAW:
            raise NotOffered("generateContent continues no raw text")
        turns = [m for m in call.prompt.messages if m.role != "system"]
        told = [{"text": m.content} for m in call.prompt.messages if m.role == "system"]
        body: dict[str, Any] = {"contents": [{"role": ROLES[m.role], "parts": [{"text": m.content}]} for m in turns]}
        if told:
            body["systemInstruction"] = {"parts": told}
        how = ":streamGenerateContent?alt=sse" if target.stream else ":generateContent"
        return f"/{_name(target)}{how}", body | {"generationConfig": _drawing(call)}

    def asked_to_wait(self, error: Mapping[str, Any], answer: Answer) -> float | None:
        """Seconds that the details of an error, or a header, ask for."""
        for row in error.get("details") or ():
            told = str(row.get("retryDelay", "")) if isinstance(row, dict) else ""
            if re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", told, re.ASCII):
                return float(told[:-1])
        return super().asked_to_wait(error, answer)

    def completed(self, call: Call, plain: Any) -> Reading:
        """What the candidates say, or why there are none."""
        if problem := error_of(plain):
            return failed(call, 200, problem)
        model = str(plain.get("modelVersion") or "")
        blocked = (plain.get("promptFeedback") or {}).get("blockReason")
        if blocked and not plain.get("candidates"):
            return without_text(call, Outcome.FILTERED, f"the prompt was blocked: {blocked}")
        usage = plain.get("usageMetadata") or {}
        read = [_completion(call, row, usage, call.sample + i) for i, row in enumerate(plain["candidates"])]
        return Reading(read[0][0], model, error=read[0][1], others=tuple(completion for completion, _ in read[1:]))

    def assembled(self, pieces: Iterable[Any]) -> dict[str, Any]:
        """The reply that the pieces of a stream make; raises ValueError where it is cut."""
        whole: dict[str, Any] = {}
        candidates: dict[int, dict[str, Any]] = {}
        for piece in pieces:
            if error_of(piece):
                return {"error": piece["error"]}
            whole |= {name: value for name, value in piece.items() if name != "candidates"}
            for part in piece.get("candidates") or ():
                candidate = candidates.setdefault(part.get("index", 0), {"content": {"parts": []}})
                candidate["content"]["parts"] += (part.get("content") or {}).get("parts") or []
                candidate |= {name: part[name] for name in ("finishReason", "logprobsResult") if name in part}
        blocked = (whole.get("promptFeedback") or {}).get("blockReason")
        if not blocked and not (candidates and all("finishReason" in row for row in candidates.values())):
            raise ValueError("the stream ended before the reply did")
        return whole | {"candidates": [candidates[index] for index in sorted(candidates)]}


def _name(target: Target) -> str:
    name = target.model if "/" in target.model else f"models/{target.model}"
    if not NAME.fullmatch(name) or ".." in name:
        raise BadInput(f"{target.model!r} is no name of a model: letters, digits and . : @ _ - alone")
    return quote(name, safe="/:@")


def _drawing(call: Call) -> dict[str, Any]:
    config = call.config
    drawing: dict[str, Any] = {
        "maxOutputTokens": config.max_tokens,
        "temperature": config.temperature,
        "topP": config.top_p,
        "seed": config.seed,
    }
    if config.samples > 1:
        drawing["candidateCount"] = config.samples
    if config.top_logprobs:
        drawing |= {"responseLogprobs": True, "logprobs": min(config.top_logprobs, MOST_LOGPROBS)}
    return drawing


def _completion(
    call: Call, candidate: Mapping[str, Any], usage: Mapping[str, Any], sample: int
) -> tuple[Completion, str]:
    finish = text_of(candidate.get("finishReason") or "")
    if not finish and "content" not in candidate:
        raise ValueError("the candidate has neither content nor an end")
    parts = (candidate.get("content") or {}).get("parts") or []
    text = "".join(text_of(part["text"]) for part in parts if "text" in part and not part.get("thought"))
    spent = count(usage.get("thoughtsTokenCount")) or 0
    outcome, error = judged(text, ENDED.get(finish), thought=bool(parts) or spent > 0)
    counts = (count(usage.get("promptTokenCount")), count(usage.get("candidatesTokenCount")))
    first = _first_distribution(call, candidate.get("logprobsResult"))
    return Completion(call.prompt.prompt_id, text, sample, outcome, finish, first, *counts), error


def _first_distribution(call: Call, told: Any) -> tuple[NextToken, ...]:
    if not call.config.top_logprobs or not told or not told.get("topCandidates"):
        return ()
    rows = told["topCandidates"][0]["candidates"]
    return distribution(call, [(row["token"], row["logProbability"]) for row in rows])


PLUGIN = Gemini()
