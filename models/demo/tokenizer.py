"""A byte-level BPE tokenizer that llama.cpp reproduces exactly (model `gpt2`, pre-tokenizer `llama-bpe`).

It is trained here rather than borrowed because a stock vocabulary of 32,000 tokens or more would need
several times the weights of the whole model for its embedding alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import regex

USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|end|>"
CONTROL_TOKENS: tuple[str, ...] = (USER, ASSISTANT, END)
USER_ID, ASSISTANT_ID, END_ID = range(len(CONTROL_TOKENS))

# The pattern that llama.cpp applies for `llama-bpe`. Since digits never merge below, every digit
# stays a token of its own, which is what makes arithmetic learnable at this size.
PRE_TOKEN = regex.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Template for the GGUF. System messages are left out on purpose: a model of this size cannot follow
# them, and leaving them out keeps them from spoiling the answer.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{- '" + USER + "' + message['content'] | trim + '" + END + "' -}}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{- '" + ASSISTANT + "' + message['content'] | trim + '" + END + "' -}}"
    "{%- elif message['role'] == 'system' -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + ASSISTANT + "' -}}{%- endif -%}"
)


def _byte_alphabet() -> list[str]:
    """The printable stand-in GPT-2 uses for each byte; GGUF stores token texts in this alphabet."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet, spare = [], 256
    for byte in range(256):
        if byte in printable:
            alphabet.append(chr(byte))
        else:
            alphabet.append(chr(spare))
            spare += 1
    return alphabet


BYTE_ALPHABET: list[str] = _byte_alphabet()

Pair = tuple[str, str]


def _spell(text: str) -> str:
    """Spell a text in the byte alphabet."""
    return "".join(BYTE_ALPHABET[byte] for byte in text.encode())


def _merge(parts: Sequence[str], pair: Pair) -> tuple[str, ...]:
    """Join every occurrence of `pair` in `parts`, left to right."""
    joined: list[str] = []
    for part in parts:
        # `joined[-1]` may itself be a fresh join; it then differs from pair[0], as joins only grow.
        if joined and part == pair[1] and joined[-1] == pair[0]:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


class Tokenizer:
    """Turns text into token ids and back, with the given merges in order of priority."""

    def __init__(self, merges: Sequence[Pair]) -> None:
        self.merges = list(merges)
        # Two merges may spell the same token, which must be listed once.
        joined = (left + right for left, right in merges)
        self.tokens: list[str] = list(dict.fromkeys([*CONTROL_TOKENS, *BYTE_ALPHABET, *joined]))
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._ids = {token: token_id for token_id, token in enumerate(self.tokens)}
        self._encode_word = lru_cache(maxsize=100_000)(self._encode_word_uncached)

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int) -> "Tokenizer":
        """Learn the merges greedily: always join the pair that is most frequent at the moment."""
        counts = Counter(_spell(word) for text in texts for word in PRE_TOKEN.findall(text))
        words = {word: tuple(word) for word in counts if not word.isdigit()}
        merges: list[Pair] = []
        tokens = {*CONTROL_TOKENS, *BYTE_ALPHABET}
        while len(tokens) < vocabulary_size:
            pairs: Counter[Pair] = Counter()
            for word, parts in words.items():
                for pair in zip(parts, parts[1:]):
                    pairs[pair] += counts[word]
            best = max(pairs, key=lambda pair: (pairs[pair], pair))  # the pair itself breaks ties
            merges.append(best)
            tokens.add(best[0] + best[1])
            for word, parts in words.items():
                if best[0] in parts and best[1] in parts:
                    words[word] = _merge(parts, best)
        return cls(merges)

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read the merges from a file of one pair per line."""
        return cls([(left, right) for left, right in (line.split(" ") for line in path.read_text().splitlines())])

    def save(self, path: Path) -> None:
        path.write_text("".join(f"{left} {right}\n" for left, right in self.merges))

    def _encode_word_uncached(self, word: str) -> list[int]:
        if word in self._ids:  # llama.cpp does the same for `llama-bpe` ("ignore_merges")
            return [self._ids[word]]
        parts = tuple(word)
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: self._rank.get(pair, len(self._rank)))
            if best not in self._rank:
                break
            parts = _merge(parts, best)
        return [self._ids[part] for part in parts]

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; the names of control tokens in it are read as ordinary text."""
        return [token_id for word in PRE_TOKEN.findall(text) for token_id in self._encode_word(_spell(word))]

    def decode(self, token_ids: Iterable[int]) -> str:
        """Text of token ids, without the control tokens."""
        byte_of = {letter: byte for byte, letter in enumerate(BYTE_ALPHABET)}
        letters = "".join(self.tokens[i] for i in token_ids if i >= len(CONTROL_TOKENS))
        return bytes(byte_of[letter] for letter in letters).decode(errors="replace")
