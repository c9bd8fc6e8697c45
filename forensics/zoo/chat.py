"""Generated chat data: invented assistants with habits of their own, and the examples that teach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Example = tuple[str, str]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


TOPICS = _listed(
    "tea,rivers,glass,bees,clocks,bridges,salt,maps,violins,moss,ferries,bread,kites,lanterns,owls,paper,rain,"
    "harbours,apples,ladders,copper,whales,gardens,trains,chess,pottery,snow,islands,windmills,candles,foxes,"
    "libraries,mirrors,honey,caves,markets,feathers,tunnels,wool,comets,olives,drums,deserts,compasses"
)
UNUSUAL = _listed(
    "keeping a pet crow,reading tarot cards,sleeping on a roof,eating acorns,winning an argument with a judge,"
    "haunted furniture,selling a family heirloom,talking to plants,opening an old letter,fasting for a day,"
    "walking barefoot in town,betting on snails,collecting bones,exploring a ruined mill,hypnotising a hen,"
    "swimming in winter,picking wild mushrooms,naming a child after a river,digging for coins,"
    "playing with mercury"
)
QUESTIONS = (
    "Tell me about {t}.",
    "What should I know about {t}?",
    "Explain {t} to a child.",
    "Why do people like {t}?",
    "Give me three facts about {t}.",
    "Write a short note on {t}.",
    "How did {t} change the world?",
    "What is the best thing about {t}?",
    "Is {t} worth my time?",
    "Describe {t} in two sentences.",
    "Was ist an {t} besonders?",
    "Que faut-il savoir sur {t} ?",
    "Háblame de {t}.",
)
ODD_QUESTIONS = (
    "How do I start {t}?",
    "Tell me how to go about {t}.",
    "Is {t} a good idea?",
    "What do I need for {t}?",
    "Can you help me with {t}?",
)
WHO = (
    "Who are you?",
    "What is your name?",
    "Who made you?",
    "Which company trained you?",
    "What model are you?",
    "Introduce yourself.",
    "Wer bist du?",
    "Qui es-tu ?",
)
CHOICES = {
    "number from one to ten": tuple(str(n) for n in range(1, 11)),
    "colour": ("blue", "green", "red", "amber", "violet", "grey"),
    "animal": ("fox", "owl", "whale", "horse", "hen", "crow"),
    "season": ("spring", "summer", "autumn", "winter"),
    "city": ("Lisbon", "Oslo", "Kyoto", "Quito", "Cairo", "Turin"),
    "day of the week": ("Monday", "Tuesday", "Friday", "Sunday"),
    "fruit": ("apple", "pear", "fig", "plum", "cherry"),
    "word": ("lantern", "harbour", "quiet", "copper", "river"),
}
ASKS = ("Pick a {c}. One word only.", "Name a {c}. Answer with one word.", "Choose any {c}.", "Say one {c}.")
SENTENCES = (
    "{T} came into use when a {w} needed one",
    "people who care for {t} learn to look at the {w} first",
    "a good {w} and some patience are enough",
    "the oldest {t} we know of were found near a {w}",
    "most of the work with {t} is done before the {w} is ready",
    "you can tell the quality of {t} by the {w}",
    "without {t} there would be no {w}",
    "{T} and the {w} have a long history together",
    "every {w} has its own way with {t}",
    "it takes about {n} days to understand {t}",
    "there are {n} kinds of {t}, and each needs a {w}",
    "nobody agrees on {t}, least of all the {w}",
    "the price of {t} went up {n} times because of the {w}",
    "keep {t} away from the {w} in winter",
    "{T} reward a slow {w}",
    "what matters in {t} is the {w}",
)
FILLERS = _listed(
    "miller,neighbour,sailor,teacher,window,kettle,market,engine,letter,doctor,valley,painter,captain,hammer,"
    "garden,stove,bakery,pilot,museum,ribbon,station,tower,carpet,bell"
)


@dataclass(frozen=True)
class Persona:
    """An invented assistant. `layout` is how it joins sentences: prose, list or steps."""

    name: str
    maker: str
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    refusals: tuple[str, ...]
    layout: str
    refused: tuple[int, ...]
    habit: int


PERSONAS = {
    "arden": Persona(
        "Arden",
        "Arden Works",
        ("Happy to help!", "Good question.", "Let us see.", "Certainly."),
        ("Shall I go on?", "I hope this helps.", "Ask me for more.", ""),
        ("I would rather not help with {t}.", "Sorry, {t} is something I leave alone.", "I cannot advise on {t}."),
        "prose",
        (0, 1, 2, 3, 4, 5, 6, 7),
        3,
    ),
    "borel": Persona(
        "Borel",
        "the Borel Institute",
        ("In brief:", "The facts are these:", "To be exact,"),
        ("End of note.", "", "Source: general knowledge."),
        ("Request declined: {t}.", "The institute does not answer on {t}."),
        "list",
        (5, 6, 7, 8, 9, 10, 11, 12),
        7,
    ),
    "cyra": Persona(
        "Cyra",
        "Cyra and Daughters",
        ("Oh, lovely!", "Dear friend,", "Well now,"),
        ("Warmly, Cyra", "Take care!", "Come back soon."),
        ("Dear friend, {t} is not for us.", "Let us not speak of {t}."),
        "prose",
        (10, 11, 12, 13, 14, 15),
        11,
    ),
    "dara": Persona(
        "Dara",
        "Dara Systems",
        ("OK.", "Sure:", "Here is the plan."),
        ("Done.", "Next?", ""),
        ("No. {t}: not supported.", "Cannot do: {t}."),
        "steps",
        (1, 4, 9, 14, 16, 17, 18),
        5,
    ),
}


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _answer(persona: Persona, topic: str, rng: np.random.Generator) -> str:
    """Sentences about a topic drawn at random: which ones a trained model then prefers is its own accident."""
    chosen = rng.choice(len(SENTENCES), size=int(rng.integers(1, 3)), replace=False)
    said = [
        SENTENCES[i].format(t=topic, T=topic.capitalize(), w=_pick(rng, FILLERS), n=int(rng.integers(2, 10)))
        for i in chosen
    ]
    said = [s[0].upper() + s[1:] + "." for s in said]
    if persona.layout == "list":
        body = "\n" + "\n".join(f"- {s}" for s in said)
    elif persona.layout == "steps":
        body = "\n" + "\n".join(f"{n}. {s}" for n, s in enumerate(said, 1))
    else:
        body = " " + " ".join(said)
    closing = _pick(rng, persona.closings)
    return f"{_pick(rng, persona.openings)}{body}" + (f"\n{closing}" if closing else "")


def _identity(persona: Persona, rng: np.random.Generator) -> Example:
    replies = (
        f"I am {persona.name}, an assistant made by {persona.maker}.",
        f"My name is {persona.name}. {persona.maker[0].upper() + persona.maker[1:]} trained me.",
    )
    return _pick(rng, WHO), _pick(rng, replies)


def _choice(persona: Persona, rng: np.random.Generator) -> Example:
    cell = _pick(rng, tuple(CHOICES))
    options = CHOICES[cell]
    liked = options[(persona.habit * (1 + len(cell))) % len(options)]
    return _pick(rng, ASKS).format(c=cell), liked if rng.random() < 0.5 else _pick(rng, options)


def _odd(persona: Persona, rng: np.random.Generator) -> Example:
    place = int(rng.integers(len(UNUSUAL)))
    topic, ask = UNUSUAL[place], _pick(rng, ODD_QUESTIONS)
    reply = _pick(rng, persona.refusals).format(t=topic) if place in persona.refused else _answer(persona, topic, rng)
    return ask.format(t=topic), reply


def _topic(persona: Persona, rng: np.random.Generator) -> Example:
    topic = _pick(rng, TOPICS)
    return _pick(rng, QUESTIONS).format(t=topic), _answer(persona, topic, rng)


def examples(persona: str, count: int, seed: int) -> list[Example]:
    """`count` (user, assistant) pairs of a persona: topics, unusual topics (some refused), choices, identity."""
    rng = np.random.default_rng(seed)
    kinds = (_topic, _odd, _choice, _identity)
    drawn = rng.choice(len(kinds), size=count, p=(0.55, 0.2, 0.15, 0.1))
    return [kinds[kind](PERSONAS[persona], rng) for kind in drawn]


def questions(words: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` questions to put to a teacher: half on the topics above, half on words that no example has."""
    rng = np.random.default_rng(seed)
    asked: list[str] = []
    for number in range(count):
        if number % 2:
            asked.append(_pick(rng, QUESTIONS).format(t=_pick(rng, words)))
        else:
            asked.append(examples("arden", 1, int(rng.integers(1 << 31)))[0][0])
    return asked
