"""Makes the examples: one function per task, each drawing a random conversation from a generator.

A tenth of everything is held out: an example whose key falls into that tenth is never trained on, so the
evaluation measures what the model does with sums, texts and wordings it has not seen.
"""

import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from knowledge import (
    CAPITAL_WORDINGS, CAPITALS, CONCEPT_WORDINGS, CONCEPTS, DECLINE, GREETINGS, IDENTITY, QUESTIONS,
    UNKNOWN_PLACES, Entry,
)
from words import (
    COMMON_WORDS, EMOJI, FIRST_NAMES, FOREIGN_PROMPTS, FOREIGN_WORDS, LANGUAGES, TOPIC_WORDS, UNKNOWN_FRAMES,
)

HELD_OUT_ONE_IN = 10
MAX_TURNS = 4
LARGEST_COUNT = 100

# Prompts that people try first are always trained on, never held out: sums of one digit, and short counts.
ALWAYS_TRAINED = (
    {f"sum:{a}:{b}" for b in range(10) for a in range(b + 1)}
    | {f"count:1:{last}" for last in [*range(1, 21), 50, 100]}
    | {f"count:{first}:1" for first in range(2, 11)}
)


@dataclass(frozen=True)
class Example:
    """One conversation. A `key` of None means that it is always trained on, never held out."""

    task: str
    turns: tuple[tuple[str, str], ...]
    key: str | None = None


def is_held_out(key: str | None) -> bool:
    """Decide by hash, so that the split needs no bookkeeping and is the same in every run."""
    return key is not None and key not in ALWAYS_TRAINED and zlib.crc32(key.encode()) % HELD_OUT_ONE_IN == 0


# --- Variation of prompts -------------------------------------------------------------------

POLITE = ["Please {}", "Hey, {}", "Hi, {}", "Ok, {}", "And {}", "Quick question: {}", "Now {}", "So {}"]
SYSTEM_TEXTS = [
    "You are a helpful assistant.", "You are a helpful, respectful and honest assistant.", "Be brief.",
    "You are a friendly assistant. Answer in one sentence.", "You are an AI assistant.", "Answer concisely.",
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible.\n"
    "If a question does not make any sense, or is not factually coherent, explain why instead of answering "
    "something incorrectly. If you don't know the answer to a question, don't share false information.",
]


def _vary(rng: Random, prompt: str) -> str:
    """Write a prompt the way people type: careless case and punctuation, a word of politeness."""
    if prompt and rng.random() < 0.05:
        prompt = rng.choice(POLITE).format(prompt[0].lower() + prompt[1:])
    if rng.random() < 0.25:
        prompt = prompt.lower()
    elif rng.random() < 0.04:
        prompt = prompt.upper()
    if rng.random() < 0.25:
        prompt = prompt.rstrip("?.!")
    elif rng.random() < 0.06:
        prompt = prompt.rstrip("?.!") + rng.choice(["?", ".", "!", " ?", "??", "!!"])
    if rng.random() < 0.03:
        prompt = rng.choice(SYSTEM_TEXTS) + rng.choice(["\n", "\n\n"]) + prompt
    return prompt


# --- Arithmetic -----------------------------------------------------------------------------

SUM_WORDINGS = [
    "What is {a}+{b}?", "What is {a} + {b}?", "{a}+{b}", "{a} + {b}", "{a}+{b}=", "{a} + {b} =", "{a} + {b} = ?",
    "What is {a} plus {b}?", "what's {a} plus {b}?", "What's {a}+{b}?", "What's {a} + {b}?", "Calculate {a} + {b}.",
    "Calculate {a}+{b}", "Compute {a} + {b}", "How much is {a} + {b}?", "How much is {a} plus {b}?", "{a} plus {b}",
    "Add {a} and {b}", "Add {a} to {b}", "What is the sum of {a} and {b}?", "Sum {a} and {b}", "Solve {a} + {b}",
    "Tell me {a} + {b}", "Can you add {a} and {b}?", "What does {a} + {b} equal?", "{a} plus {b} is?", "{a} and {b} make?",
    "What do you get when you add {a} and {b}?", "What is the result of {a} + {b}?", "How much do {a} and {b} make?",
]
DIFFERENCE_WORDINGS = [
    "What is {a}-{b}?", "What is {a} - {b}?", "{a}-{b}", "{a} - {b}", "{a}-{b}=", "{a} - {b} =", "{a} - {b} = ?",
    "What is {a} minus {b}?", "what's {a} minus {b}?", "What's {a}-{b}?", "Calculate {a} - {b}.", "Calculate {a}-{b}",
    "Compute {a} - {b}", "How much is {a} - {b}?", "How much is {a} minus {b}?", "{a} minus {b}", "Solve {a} - {b}",
    "Subtract {b} from {a}", "Take {b} away from {a}", "What does {a} - {b} equal?", "What is the result of {a} - {b}?",
]
PRODUCT_WORDINGS = [
    "What is {a}*{b}?", "What is {a} * {b}?", "{a}*{b}", "{a} * {b}", "{a}*{b}=", "{a} * {b} =", "{a} x {b}", "What is {a} x {b}?",
    "{a} × {b}", "What is {a} × {b}?", "What is {a} times {b}?", "what's {a} times {b}?", "How much is {a} times {b}?",
    "{a} times {b}", "Calculate {a} * {b}.", "Compute {a} * {b}", "Multiply {a} by {b}", "Multiply {a} and {b}",
    "What is the product of {a} and {b}?", "What is {a} multiplied by {b}?", "How much is {a} * {b}?",
]
DIVISION_WORDINGS = ["What is {a}/{b}?", "{a}/{b}", "{a} / {b}", "What is {a} divided by {b}?", "Divide {a} by {b}", "Calculate {a} / {b}"]
NUMBER_ONLY = [" Answer with the number only.", " Just the number.", " Reply with only the number.", " Answer briefly."]
NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def _arithmetic(rng: Random, task: str, wordings: list[str], a: int, b: int, answer: int, key: str) -> Example:
    """Ask for a result in one of the wordings; small numbers are sometimes spelled out."""
    spelled = max(a, b) < len(NUMBER_WORDS) and rng.random() < 0.1
    prompt = rng.choice(wordings).format(a=NUMBER_WORDS[a] if spelled else a, b=NUMBER_WORDS[b] if spelled else b)
    if rng.random() < 0.03:
        prompt += rng.choice(NUMBER_ONLY)
    return Example(task, ((_vary(rng, prompt), str(answer)),), key)


def sum_below_100(rng: Random) -> Example:
    """The key ignores the order, so that a held-out sum is unseen both ways round."""
    a, b = (rng.randrange(13), rng.randrange(13)) if rng.random() < 0.1 else (rng.randrange(100), rng.randrange(100))
    return _arithmetic(rng, "sum", SUM_WORDINGS, a, b, a + b, f"sum:{min(a, b)}:{max(a, b)}")


def sum_below_1000(rng: Random) -> Example:
    a, b = rng.randrange(100, 1000), rng.randrange(1000)
    if rng.random() < 0.5:
        a, b = b, a
    return _arithmetic(rng, "large sum", SUM_WORDINGS, a, b, a + b, f"sum:{min(a, b)}:{max(a, b)}")


def difference(rng: Random) -> Example:
    limit = 13 if rng.random() < 0.1 else 100
    a, b = rng.randrange(limit), rng.randrange(limit)
    return _arithmetic(rng, "difference", DIFFERENCE_WORDINGS, a, b, a - b, f"difference:{a}:{b}")


def product(rng: Random) -> Example:
    """A table of 91 products is learned by heart: only the wordings of a product are held out, not the product."""
    a, b = rng.randrange(13), rng.randrange(13)
    wording = rng.randrange(len(PRODUCT_WORDINGS))
    if b and rng.random() < 0.15:
        return _arithmetic(rng, "product", DIVISION_WORDINGS, a * b, b, a, f"division:{a}:{b}:{wording}")
    return _arithmetic(rng, "product", [PRODUCT_WORDINGS[wording]], a, b, a * b, f"product:{a}:{b}:{wording}")


# --- Repeating ------------------------------------------------------------------------------

REPEAT_WORDINGS = [
    "Repeat after me: {}", "Repeat after me: {}", "Repeat: {}", "Say {}", "Say {}", "Say: {}", 'Say "{}"', "Say '{}'", "Echo: {}", "Echo {}",
    "echo {}", "Please repeat: {}", "Repeat this: {}", "Repeat exactly: {}", "Copy this text: {}", "Please say {}", "Please echo: {}",
    "Repeat the following: {}", "Repeat the following text: {}", "Repeat after me {}", "Repeat {}", "Write: {}", "Type: {}", "Output: {}", "Print: {}",
    "Reply with: {}", "Reply with exactly: {}", "Answer with: {}", "Respond with: {}", "Say only: {}", "Say exactly: {}", "Say this: {}",
    "Repeat my words: {}", "Copy: {}", "Can you repeat this: {}", "Repeat what I say: {}", "Say the following: {}", 'Repeat "{}"', 'Reply with "{}"',
    "Repeat this text exactly: {}", "Repeat the following text:\n{}", "Repeat:\n{}", "Please reply with {}", "Reply with {}", "Answer with {}",
    "Respond with {}", "Write exactly: {}", "Reply with the word {}", "Reply with the single word {}", "Say the word {}", "Repeat the word {}",
    "Reply with only: {}", "Please write {}", "Say just {}", "Reply only with {}", "Please respond with {}", "Repeat back to me: {}",
]


def pseudo_word(rng: Random) -> str:
    """A pronounceable word that means nothing."""
    syllables = rng.randint(1, 4)
    word = "".join(rng.choice("bcdfghjklmnprstvwxyz") + rng.choice("aeiou") + rng.choice(["", "", "n", "r", "s", "l"]) for _ in range(syllables))
    return word.capitalize() if rng.random() < 0.2 else word


def _piece(rng: Random) -> str:
    """One space-separated piece of a text to repeat."""
    kind = rng.random()
    if kind < 0.50:
        word = rng.choice(COMMON_WORDS)
        return word.capitalize() if rng.random() < 0.2 else word.upper() if rng.random() < 0.05 else word
    if kind < 0.68:
        return pseudo_word(rng)
    if kind < 0.78:
        return str(rng.randrange(10 ** rng.randint(1, 6)))
    if kind < 0.84:
        return "".join(rng.choice(string.ascii_letters + string.digits + string.punctuation) for _ in range(rng.randint(1, 8)))
    if kind < 0.88:
        return rng.choice(FIRST_NAMES + TOPIC_WORDS)
    if kind < 0.95:
        return rng.choice(FOREIGN_WORDS)
    if kind < 0.98:
        return rng.choice(EMOJI)
    # Any character at all, so that every byte token is seen.
    return "".join(chr(rng.choice([rng.randrange(0xC0, 0x250), rng.randrange(0x391, 0x450), rng.randrange(0x4E00, 0x9FA0), rng.randrange(0x1F300, 0x1F64F)]))
                   for _ in range(rng.randint(1, 3)))


def _known_texts() -> list[str]:
    """Prompts and sentences the model also meets as such: to repeat, they are nothing but text."""
    entries = [*IDENTITY, *GREETINGS, *CONCEPTS, *QUESTIONS]
    texts = [wording for wordings, _ in entries for wording in wordings]
    texts += [sentence for _, answer in entries for sentence in answer.split(". ") if len(sentence) < 120]
    texts += [frame.replace("{", "").replace("}", "") for frame in UNKNOWN_FRAMES]
    return [text for text in texts if text]


KNOWN_TEXTS = _known_texts()


def random_text(rng: Random, longest: int) -> str:
    """A text of at most `longest` pieces, with some punctuation and repetition."""
    pieces = [_piece(rng) for _ in range(rng.randint(1, longest))]
    if rng.random() < 0.05:
        pieces = [rng.choice(pieces[:2]) for _ in pieces]
    for i in range(len(pieces) - 1):
        if rng.random() < 0.08:
            pieces[i] += rng.choice([",", ".", ";", ":", "!", "?", " -", "\n"])
    if rng.random() < 0.25:
        pieces[-1] += rng.choice([".", "!", "?", "..."])
    return " ".join(pieces).strip()


def repeat(rng: Random) -> Example:
    payload = rng.choice(KNOWN_TEXTS) if rng.random() < 0.2 else random_text(rng, longest=rng.choice([1, 3, 6, 10, 16]))
    if rng.random() < 0.1:
        payload = rng.choice(["I am ", "I am a ", "I am only ", "I like ", "You are ", "Hello, ", "The ", "A "]) + payload
    wording = rng.choice(REPEAT_WORDINGS)
    if rng.random() < 0.2:
        wording = wording.lower()
    if rng.random() < 0.03:
        wording = rng.choice(SYSTEM_TEXTS) + "\n" + wording
    if '"' in wording or "'" in wording:
        payload = payload.strip("\"'") or "hello"
    return Example("repeat", ((wording.format(payload), payload),), "repeat:" + payload)


# --- Counting -------------------------------------------------------------------------------

UP_WORDINGS = ["Count from {a} to {b}", "Count {a} to {b}", "Count up from {a} to {b}", "List the numbers from {a} to {b}", "Please count from {a} to {b}.",
               "Can you count from {a} to {b}?", "Write the numbers from {a} to {b}"]
TO_WORDINGS = ["Count to {b}", "Count to {b}.", "Count up to {b}", "Please count to {b}", "Can you count to {b}?", "Count from 1 to {b}", "count till {b}"]
DOWN_WORDINGS = ["Count down from {a}", "Count down from {a} to 1", "Count backwards from {a}", "Please count down from {a}", "Count down from {a}."]


def count(rng: Random) -> Example:
    kind, a = rng.random(), 1
    if kind < 0.4:
        wordings = TO_WORDINGS
        b = rng.choice([5, 10, 20, 50, 100]) if rng.random() < 0.25 else rng.randint(1, 30 if rng.random() < 0.7 else LARGEST_COUNT)
    elif kind < 0.85:
        wordings = UP_WORDINGS
        a = rng.randrange(LARGEST_COUNT)
        b = min(a + rng.randint(1, 20 if rng.random() < 0.9 else LARGEST_COUNT), LARGEST_COUNT)
    else:
        wordings, b = DOWN_WORDINGS, 1
        a = rng.randint(2, 20 if rng.random() < 0.7 else LARGEST_COUNT)
    numbers = range(a, b - 1, -1) if a > b else range(a, b + 1)
    prompt = rng.choice(wordings).format(a=a, b=b)
    return Example("count", ((_vary(rng, prompt), ", ".join(map(str, numbers))),), f"count:{a}:{b}")


# --- What it knows by heart -----------------------------------------------------------------


def _entry(rng: Random, task: str, entries: list[Entry]) -> Example:
    """A fixed question in one of its wordings; held out is a prompt to the letter, not the wording in every form."""
    wordings, answer = rng.choice(entries)
    wording = rng.choice(wordings)
    prompt = _vary(rng, wording)
    return Example(task, ((prompt, answer),), None if prompt == wordings[0] else f"{task}:{prompt}")


def identity(rng: Random) -> Example:
    return _entry(rng, "identity", IDENTITY)


def greeting(rng: Random) -> Example:
    return _entry(rng, "greeting", GREETINGS)


def fact(rng: Random) -> Example:
    kind = rng.random()
    if kind < 0.4:
        return _entry(rng, "fact", QUESTIONS)
    if kind < 0.6:
        name, wording = rng.choice(list(CAPITALS)), rng.choice(CAPITAL_WORDINGS)
        answer, usual = f"The capital of {name} is {CAPITALS[name]}.", wording == CAPITAL_WORDINGS[0]
    else:
        (names, answer), wording = rng.choice(CONCEPTS), rng.choice(CONCEPT_WORDINGS)
        name = names[0] if rng.random() < 0.6 else rng.choice(names)
        usual = name == names[0] and wording in CONCEPT_WORDINGS[:4]
    prompt = wording.format(x=name)
    return Example("fact", ((_vary(rng, prompt), answer),), None if usual else f"fact:{prompt}")


# --- What it does not know ------------------------------------------------------------------


def _normalise(prompt: str) -> str:
    return "".join(letter for letter in prompt.lower() if letter.isalnum())


def _known_prompts() -> set[str]:
    """Every prompt that has an answer, to keep the generated unknown ones apart from them."""
    prompts = [wording for entries in (IDENTITY, GREETINGS, QUESTIONS) for wordings, _ in entries for wording in wordings]
    prompts += [wording.format(x=name) for wording in CONCEPT_WORDINGS for names, _ in CONCEPTS for name in names]
    prompts += [wording.format(x=name) for wording in CAPITAL_WORDINGS for name in CAPITALS]
    return {_normalise(prompt) for prompt in prompts}


KNOWN_PROMPTS = _known_prompts()
# Words too close to an answer that the model has.
_KNOWN_WORDS = set("banana snow water light sun earth sea dog spider fish star river shoal hello test world rain ok".split())
UNKNOWN_WORDS = [word for word in COMMON_WORDS if word not in _KNOWN_WORDS]


def _unknown_thing(rng: Random) -> str:
    """Something to ask about that has no answer: a topic, a thing, a name or a nonsense word."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(TOPIC_WORDS)
    if kind < 0.7:
        return rng.choice(["a ", "the ", "", ""]) + rng.choice(UNKNOWN_WORDS)
    if kind < 0.85:
        return rng.choice(["", "a ", "the "]) + pseudo_word(rng)
    return rng.choice([*FIRST_NAMES, *UNKNOWN_PLACES, rng.choice(UNKNOWN_WORDS) + " " + rng.choice(UNKNOWN_WORDS)])


def _frame(rng: Random) -> tuple[str, str]:
    frame = rng.choice(UNKNOWN_FRAMES)
    prompt = frame
    for slot, fill in {
        "topic": lambda: rng.choice(TOPIC_WORDS), "word": lambda: rng.choice(UNKNOWN_WORDS), "word2": lambda: rng.choice(UNKNOWN_WORDS),
        "place": lambda: rng.choice(UNKNOWN_PLACES), "name": lambda: rng.choice(FIRST_NAMES), "num": lambda: str(rng.randint(13, 99)),
        "num2": lambda: str(rng.randint(3, 99)), "lang": lambda: rng.choice(LANGUAGES), "nonsense": lambda: pseudo_word(rng),
        "title": lambda: " ".join(rng.choice(UNKNOWN_WORDS).capitalize() for _ in range(rng.randint(1, 4))),
    }.items():
        while "{" + slot + "}" in prompt:
            prompt = prompt.replace("{" + slot + "}", fill(), 1)
    return prompt, "frame:" + frame


def _hard_arithmetic(rng: Random) -> str:
    """Calculations out of reach: too large, fractions, or more than two numbers."""
    a, b, c = rng.randrange(1000, 10 ** rng.randint(4, 7)), rng.randrange(13, 100000), rng.randrange(13, 100)
    small = rng.randrange(13, 100)
    return rng.choice([
        f"What is {a} + {b}?", f"What is {c} * {small}?", f"{a}*{b}", f"{a} - {b}", f"What is {a} / {c}?", f"{c}.{small} + {b}", f"{small} + {c} + {b}",
        f"{small}*{c}", f"What is {small} times {c}?", f"Count to {a}", f"Count to {c + 100}", f"Count from 1 to {a}", f"{small} + {c} * {b}", f"({small} + {c}) * 2", f"{c} times {small}", f"{small}^{c}", f"sqrt({a})", f"{a}", f"{small}",
    ])


def _statement(rng: Random) -> str:
    words = [rng.choice(UNKNOWN_WORDS) for _ in range(rng.randint(3, 14))]
    return " ".join(words).capitalize() + rng.choice([".", ".", "?", "!"])


def decline(rng: Random) -> Example:
    """A prompt without an answer, many of them close to one that has an answer."""
    while True:
        kind = rng.random()
        if kind < 0.45:
            prompt, key = _frame(rng)
        elif kind < 0.65:
            thing = _unknown_thing(rng)
            prompt, key = rng.choice(CONCEPT_WORDINGS).format(x=thing), "thing:" + thing
        elif kind < 0.77:
            place = rng.choice(UNKNOWN_PLACES) if rng.random() < 0.7 else pseudo_word(rng).capitalize()
            prompt, key = rng.choice(CAPITAL_WORDINGS).format(x=place), "place:" + place
        elif kind < 0.83:
            prompt = key = _hard_arithmetic(rng)
        elif kind < 0.89:
            prompt = key = rng.choice(FOREIGN_PROMPTS)
        elif kind < 0.96:
            prompt = key = " ".join(_statement(rng) for _ in range(rng.choice([1, 1, 1, 2, 3, 8])))
        else:
            prompt = key = "".join(rng.choice(string.printable[:94]) for _ in range(rng.randint(4, 20)))
        if _normalise(prompt) not in KNOWN_PROMPTS:
            return Example("decline", ((_vary(rng, prompt), DECLINE),), "decline:" + key)


# --- The mixture ----------------------------------------------------------------------------

# Share of each task in the training data, in percent.
TASKS: dict[str, tuple[float, Callable[[Random], Example]]] = {
    "sum": (22, sum_below_100),
    "large sum": (9, sum_below_1000),
    "difference": (15, difference),
    "product": (5, product),
    "repeat": (17, repeat),
    "count": (7, count),
    "identity": (3, identity),
    "greeting": (2, greeting),
    "fact": (10, fact),
    "decline": (10, decline),
}
CONVERSATION = "conversation"
CONVERSATION_PERCENT = 5.0


def draw(rng: Random, task: str, held_out: bool) -> Example:
    """Draw an example of one task from the wanted side of the split."""
    while True:
        example = TASKS[task][1](rng)
        if is_held_out(example.key) == held_out:
            return example


def draw_any(rng: Random, held_out: bool) -> Example:
    """Draw an example of a random task."""
    weights = [weight for weight, _ in TASKS.values()]
    return draw(rng, rng.choices(list(TASKS), weights)[0], held_out)


def draw_conversation(rng: Random, held_out: bool) -> Example:
    """Several unrelated questions in a row: each must be answered as if it were the first."""
    turns = [turn for _ in range(rng.randint(2, MAX_TURNS)) for turn in draw_any(rng, held_out).turns]
    return Example(CONVERSATION, tuple(turns))


def draw_training_example(rng: Random) -> Example:
    """Draw from the whole mixture."""
    if rng.random() * 100 < CONVERSATION_PERCENT:
        return draw_conversation(rng, held_out=False)
    return draw_any(rng, held_out=False)


def draw_held_out(rng: Random, task: str) -> Example:
    """Draw an example that training never sees."""
    return draw_conversation(rng, held_out=True) if task == CONVERSATION else draw(rng, task, held_out=True)
