"""Who a completion says it is: names and makers that a model gives itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from forensics.features.text import visible_text

MAX_CHARACTERS = 4000
MOST_CHARACTERS = 48

_NAME = r"([^\W\d_a-z][\w.+-]*(?: (?:[^\W\d_a-z][\w.+-]*|\d[\w.]*)){0,3})"
_FIRST = (
    r"(?:\bI am|\bI'm|\bmy name is|\bI am called|\bI'm called|\bI go by|\bcall me"
    r"|\bich bin|\bich hei\xdfe|\bmein name ist|\bje suis|\bje m'appelle|\bmon nom est|\bsoy|\bme llamo|\bmi nombre es)"
)
_KIND = r"(?:,? (?:an? |the )?(?i:AI|assistant|language model|chatbot|model))*"
_NAMED = re.compile(rf"(?i:{_FIRST}){_KIND},? \"?{_NAME}")
_ALSO = re.compile(rf"(?i:\b(?:assistant|model|chatbot|AI) (?:named|called|known as)) \"?{_NAME}")
_MADE = re.compile(
    r"(?i:\b(?:developed|created|trained|made|built|designed|entwickelt|trainiert|d\xe9velopp\xe9e?|entra\xeen\xe9e?"
    r"|cr\xe9\xe9e?|desarrollad[oa]|entrenad[oa]|cread[oa])"
    r"(?: and \w+)? (?:by|von|par|por)(?: (?:the |a |researchers |people |teams? |at |of |from )*)?) ?\"?" + _NAME
)
_CHINESE_NAMED = re.compile(r"我(?:是|叫|的名字是)\s*([^\s，。,.！!、的由]{1,20})")
_CHINESE_MADE = re.compile(r"由\s*([^\s，。,.！!、]{1,20}?)\s*(?:开发|研发|训练|创建|创造|打造)")
_SELF = re.compile(r"\b(?:I|I'm|my|me|ich|mein|je|mon|soy|mi|fui)\b|我", re.IGNORECASE)
_MACHINE = re.compile(
    r"\b(?:AI|A\.I\.|artificial|language model|LLM|chatbot|assistant|KI|IA|Sprachmodell|mod\xe8le|modelo|asistente)\b"
    r"|人工智能|模型|助手",
    re.IGNORECASE,
)
_HINTS = (
    *("i am ", "i'm ", "my name is ", "i go by ", "call me ", "ich bin ", "ich heiße ", "mein name ", "je suis "),
    *("m'appelle ", "mon nom ", "soy ", "me llamo ", "mi nombre ", "我是", "我叫", "我的名字", "由"),
    *("assistant named ", "assistant called ", "model named ", "model called ", "model known as ", "chatbot named "),
    *("developed ", "created ", "trained ", "made by ", "built by ", "designed by ", "entwickelt ", "trainiert "),
    *("développé", "entraîné", "créé", "desarrollad", "entrenad", "cread"),
)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_NOBODY = frozenset(
    {
        *(
            "ai",
            "a",
            "an",
            "the",
            "i",
            "llm",
            "ki",
            "ia",
            "assistant",
            "model",
            "sorry",
            "artificial",
            "human",
            "humans",
        ),
        *("not", "no", "yes", "here", "just", "english", "openly", "deep", "machine", "large", "one", "people", "god"),
    }
)


@dataclass(frozen=True)
class Claim:
    """A name ('name') or maker ('maker') that a completion gives itself, spelled for comparison. plain: said in a
    sentence that speaks of a machine, so that it is no role or character."""

    kind: str
    name: str
    plain: bool


def claims_of(completion: str) -> tuple[Claim, ...]:
    """The claims of one completion in the order in which they are made, each once; () where it names itself nowhere."""
    text = visible_text(completion)[:MAX_CHARACTERS].replace("\u2019", "'").replace("*", "")
    lower = text.lower()
    if not any(map(lower.__contains__, _HINTS)):
        return ()
    found: dict[Claim, None] = {}
    for sentence in _SENTENCE.split(text):
        if _SELF.search(sentence):
            found |= dict.fromkeys(_in_sentence(sentence))
    return tuple(found)


def _in_sentence(sentence: str) -> Iterator[Claim]:
    machine = _MACHINE.search(sentence) is not None
    makers = {spelled(m) for pattern in (_MADE, _CHINESE_MADE) for m in pattern.findall(sentence)} - {""}
    names = {spelled(m) for pattern in (_NAMED, _ALSO, _CHINESE_NAMED) for m in pattern.findall(sentence)} - {""}
    for kind, told in (("name", names - makers), ("maker", makers)):
        for name in sorted(told):
            yield Claim(kind, name, machine)


def spelled(name: str) -> str:
    """A name for comparison: lower case, without version, spacing and hyphens; '' for what names nobody."""
    words = [w for w in re.split(r"[\s.-]+", name.lower().strip(" .,;:!\"'")) if w]
    words = [w for w in words if not w[0].isdigit() and not re.fullmatch(r"v\d\w*", w)]
    while words and words[-1] in {"inc", "ltd", "llc", "corp", "assistant", "ai", "team"} and len(words) > 1:
        words.pop()
    if not words or words[0] in _NOBODY:
        return ""
    return "".join(words)[:MOST_CHARACTERS]
