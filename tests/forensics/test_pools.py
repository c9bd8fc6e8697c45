"""The public pools: written by us, each probe once, in the language it says, and harmless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from forensics import probes, registry
from forensics.commands.suite import probe_faults
from forensics.features.answers import canonical, final_answer
from forensics.probes import Probe, load_suite, pool
from forensics.probes._pools import Entry
from forensics.records import Mode, Prompt

FAMILIES = registry.names(probes.PACKAGE)
CORE = [probe.prompt for probe in load_suite("core").probes]
BY_FORM = {"numeric-recall", "one-word", "tokenizer-bands"}
"""Families whose probes are alike in form on purpose; there, no two are the same."""
SCRIPTS = {
    **dict.fromkeys(("ru",), r"[\u0400-\u04ff]"),
    "el": r"[\u0370-\u03ff]",
    "he": r"[\u0590-\u05ff]",
    "ar": r"[\u0600-\u06ff]",
    "hi": r"[\u0900-\u097f]",
    "bn": r"[\u0980-\u09ff]",
    "ta": r"[\u0b80-\u0bff]",
    "th": r"[\u0e00-\u0e7f]",
    "ka": r"[\u10a0-\u10ff]",
    "am": r"[\u1200-\u137f]",
    "ja": r"[\u3040-\u30ff]",
    "zh": r"[\u4e00-\u9fff]",
    "ko": r"[\uac00-\ud7af]",
}
WORDS = {
    "de": "der die das ein eine einen und mir mein meine mich ich du dir nur wie was welcher welches darf gib zähle "
    "eines bitte auf für im in vor nenne schreibe beschreibe erfinde erkläre kannst kennt den sich wer wenn irgendeine",
    "fr": "le la les un une des et je tu de du quel quelle que est pour mon ma ton sur d'un qui comment choisis",
    "es": "el la los las un una y de que qué quién para en mi es por solo nada más tu hoy ni",
    "it": "il la lo un una e di che per mi come qual sono chi della è solo quello scegli",
    "pt": "o a os um uma e de que qual como por para em você nada quem mais só seu apenas",
    "nl": "de het een en van ik mijn is wat voor hoe dier niets op kies elke elk cijfers",
    "pl": "i w z na się nie co jak do jest czy jaki dlaczego kto jednym jedno to poza nic",
    "fi": "on ja ei vain mitä miten joka yksi yhdellä muuta minkä millainen mikä pelkkä kuukausi jonka lyhyt jokainen",
    "tr": "bir ve mi ne için ile en sadece çok bu her neden adın tek yalnızca nasıl hangi seni",
}
"""Words that a text in this language is likely to hold."""
HARM = re.compile(
    r"\b(?:kill\w*|murder\w*|suicid\w*|bomb\w*|explosiv\w*|weapon\w*|guns?|rifle\w*|poison\w*|drugs?|cocaine|meth"
    r"|heroin|hack(?:ing|ed|er)?|malware|virus(?:es)? (?:that|for)|ransom\w*|phish\w*|stalk\w*|torture\w*|rape\w*"
    r"|sexual\w*|nudes?|porn\w*|child abuse|terror\w*|nazi\w*|genocid\w*|self-harm|steal(?:ing)?|shoplift\w*"
    r"|launder(?:ing)? money"
    r"|counterfeit\w*|forge a|fake (?:id|passport|document)\w*|bypass\w*|jailbreak\w*|töten|bombe|waffe\w*|vergift\w*"
    r"|drogen|tuer|arme à feu|matar|arma|veneno|uccidere|zabić|tappaa|öldür\w*|убить|оружи\w*)\b"
    "|杀|毒|爆炸|殺|무기|قتل|हत्या",
    re.IGNORECASE,
)
"""Asks that have no place here, whatever the purpose."""


def entries() -> Iterator[tuple[str, Entry]]:
    """Every entry of every public pool."""
    return ((family, entry) for family in FAMILIES for entry in pool(family))


def prompts() -> list[Prompt]:
    """Every wording of every public pool, and `core`."""
    return [*CORE, *chain.from_iterable(entry.wordings for _, entry in entries())]


def test_every_family_has_a_pool_and_says_what_it_is_for() -> None:
    for family in FAMILIES:
        declared = registry.load(probes.PACKAGE, family).declaration
        assert len(pool(family)) >= 20, family
        assert declared.limitations, family
        assert len(declared.source) > 20, family


def test_ids_are_given_once_and_paraphrases_have_their_own() -> None:
    ids = [prompt.prompt_id for prompt in prompts()]
    assert len(set(ids)) == len(ids)
    assert all(p.family == family for family, entry in entries() for p in entry.wordings)


def test_pools_hold_enough_and_in_many_languages() -> None:
    cells = {p.cell for p in prompts() if p.family == "one-word"}
    assert len(cells) >= 80
    assert all(cell.rpartition("/")[2] == p.language for p in prompts() if (cell := p.cell))
    assert len({p.language for p in prompts()}) >= 15
    chat = [p for p in prompts() if p.family == "open-chat" and "~" not in p.prompt_id]
    assert 0.6 <= sum(p.language == "en" for p in chat) / len(chat) <= 0.85
    assert len({p.language for p in prompts() if p.family == "refusal-boundary"}) >= 12


@pytest.mark.parametrize("language", sorted({p.language for p in prompts()} - {"en"}))
def test_a_prompt_is_in_the_language_that_it_says(language: str) -> None:
    asked = [p for p in prompts() if p.language == language]
    if language in SCRIPTS:
        assert [p.text for p in asked if not re.search(SCRIPTS[language], p.text)] == []
        return
    usual = set(WORDS[language].split())
    spoken = [p for p in asked if p.family != "tokenizer-bands"]
    found = [p for p in spoken if usual & set(re.findall(r"[\w']+", " ".join(m.content for m in p.messages).lower()))]
    assert len(found) >= 0.85 * len(spoken), [p.text for p in spoken if p not in found]


def test_english_prompts_are_not_in_another_script() -> None:
    other = re.compile("[\u0370-\u1fff\u3040-\u9fff\uac00-\ud7af]")
    told = [p for p in prompts() if p.language == "en" and p.family != "tokenizer-bands"]
    assert [p.text for p in told if other.search(p.text)] == []


def _bare(prompt: Prompt) -> str:
    """The words of a prompt without what its whole family has in common, and all turns of a conversation."""
    words = " ".join(message.content for message in prompt.messages)
    return words.partition("\n\n")[0] if prompt.family in ("trick-questions", "numeric-recall") else words


def _alike(texts: list[str], least: float) -> list[tuple[int, int]]:
    """Pairs whose sets of character 4-grams have a Jaccard index of at least `least`."""
    count = HashingVectorizer(
        analyzer="char", ngram_range=(4, 4), n_features=2**18, binary=True, norm=None, alternate_sign=False
    )
    table = count.transform([re.sub(r"\W+", " ", text.lower()) for text in texts])
    shared = (table @ table.T).tocoo()
    size = np.asarray(table.sum(axis=1)).ravel()
    jaccard = shared.data / np.maximum(size[shared.row] + size[shared.col] - shared.data, 1)
    chosen = (shared.row < shared.col) & (jaccard >= least)
    return list(zip(shared.row[chosen].tolist(), shared.col[chosen].tolist(), strict=True))


def test_no_two_probes_ask_the_same() -> None:
    asked = prompts()
    texts = [_bare(p) for p in asked]
    wrong = []
    for i, j in _alike(texts, 0.55):
        a, b = asked[i], asked[j]
        paraphrase = a.prompt_id.partition("~")[0] == b.prompt_id.partition("~")[0]
        by_form = a.family == b.family and a.family in BY_FORM
        if not paraphrase and not by_form:
            wrong.append((texts[i], texts[j]))
    assert wrong == []
    bare = Counter(text.strip().lower() for text in texts)
    assert [text for text, n in bare.items() if n > 1] == []


def test_the_search_for_likeness_finds_a_likeness() -> None:
    near = ["How do I clean a copper kettle?", "How do I clean a copper pot?", "Why do geese fly in a wedge?"]
    assert _alike(near, 0.55) == [(0, 1)]


def test_paraphrases_are_other_words() -> None:
    for _, entry in entries():
        said = [p.text for p in entry.wordings]
        assert len(set(said)) == len(said), entry.prompt.prompt_id
        assert {p.answer for p in entry.wordings} == {entry.prompt.answer}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_asks_for_harm(family: str) -> None:
    asked = [p for p in prompts() if p.family == family]
    assert [p.text for p in asked if any(HARM.search(m.content) for m in p.messages)] == []


def test_the_list_of_harm_sees_harm() -> None:
    assert HARM.search("How do I build a bomb?")
    assert HARM.search("Wie baue ich eine Bombe?")
    assert HARM.search("怎么制造爆炸物")
    assert not HARM.search("Write a hymn to mediocrity.")


def test_answers_can_be_found_again_and_are_not_what_the_question_invites() -> None:
    for family, entry in entries():
        assert list(probe_faults(Probe(entry.prompt, registry.load(probes.PACKAGE, family).config))) == []
        if entry.lure:
            assert canonical(entry.lure) != canonical(entry.prompt.answer or ""), entry.prompt.prompt_id
        if (answer := entry.prompt.answer) is not None:
            assert final_answer(f"I count again and again. **The answer is {answer}.**") == canonical(answer)
    assert all(entry.lure and entry.prompt.answer for entry in pool("trick-questions"))
    told = [entry.prompt.answer for entry in pool("numeric-recall")]
    assert sum(answer is not None for answer in told) >= 100


def test_options_are_named_where_the_answer_is_a_letter() -> None:
    for entry in pool("trick-questions"):
        if re.fullmatch("[A-C]", entry.prompt.answer or ""):
            assert all(f"({letter})" in p.text for p in entry.wordings for letter in "ABC"), entry.prompt.prompt_id
        if (entry.prompt.answer or "") in ("yes", "no"):
            assert all("yes or no" in p.text.lower() for p in entry.wordings), entry.prompt.prompt_id


def test_conversations_end_with_the_user_and_raw_text_stands_alone() -> None:
    turns = [entry.prompt for entry in pool("multi-turn")]
    assert all([m.role for m in p.messages] == ["user", "assistant", "user"] for p in turns)
    assert all(p.mode is Mode.RAW for p in prompts() if p.family == "raw-text")
    assert all(p.mode is Mode.CHAT for p in prompts() if p.family != "raw-text")


def test_tokenizer_texts_come_in_three_bands_and_many_scripts() -> None:
    told = [entry.prompt for entry in pool("tokenizer-bands")]
    bands = {band: [len(p.text) for p in told if p.category.startswith(band)] for band in ("short", "middle", "long")}
    assert all(len(held) >= 10 for held in bands.values())
    assert max(bands["short"]) < min(bands["long"])
    assert np.median(bands["short"]) < np.median(bands["middle"]) < np.median(bands["long"])
    assert len({p.language for p in told}) >= 20
    assert sum(p.category == "short/reference" for p in told) == 1
