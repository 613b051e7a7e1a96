"""The transformer: the llama architecture in the smallest form that llama.cpp runs unchanged."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Dimensions of the model; the defaults give 1.9 million weights, 3.8 MB in F16."""

    vocabulary: int = 640  # tokens
    layers: int = 4
    width: int = 192
    heads: int = 6
    feed_forward: int = 512
    context: int = 1024  # tokens
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def rotations(shape: Shape) -> Tensor:
    """Unit complex numbers by which position p turns each pair of a head, as (context, head_width / 2)."""
    frequencies = shape.rope_base ** (-torch.arange(0, shape.head_width, 2) / shape.head_width)
    angles = torch.outer(torch.arange(shape.context), frequencies)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Rotary position embedding over neighbouring pairs: what llama.cpp does for `llama`, so nothing is permuted on export."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2)


class Block(nn.Module):
    """Attention and a gated feed-forward network, each on a normalised copy of the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False)

        self.attn_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.attn_q = linear(shape.width, shape.width)
        self.attn_k = linear(shape.width, shape.width)
        self.attn_v = linear(shape.width, shape.width)
        self.attn_output = linear(shape.width, shape.width)
        self.ffn_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.ffn_gate = linear(shape.width, shape.feed_forward)
        self.ffn_up = linear(shape.width, shape.feed_forward)
        self.ffn_down = linear(shape.feed_forward, shape.width)
        for last in (self.attn_output, self.ffn_down):  # each block starts as the identity
            nn.init.zeros_(last.weight)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        def split(heads: Tensor) -> Tensor:  # to (batch, heads, tokens, head width)
            return heads.unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)

        normed = self.attn_norm(x)
        query, key = rotate(split(self.attn_q(normed)), turn), rotate(split(self.attn_k(normed)), turn)
        mixed = F.scaled_dot_product_attention(query, key, split(self.attn_v(normed)), is_causal=True)
        x = x + self.attn_output(mixed.transpose(1, 2).flatten(-2))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class Transformer(nn.Module):
    """Token ids in, a score for every possible next token out."""

    turn: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)  # also the output layer, to save weights
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.register_buffer("turn", rotations(shape), persistent=False)
        nn.init.normal_(self.token_embd.weight, std=0.02)

    def forward(self, tokens: Tensor, wanted: Tensor) -> Tensor:
        """Scores at the positions where the mask `wanted` is true; the rest would be thrown away."""
        x = self.token_embd(tokens)
        turn = self.turn[: tokens.shape[1]]
        for block in self.blk:
            x = block(x, turn)
        return F.linear(self.output_norm(x[wanted]), self.token_embd.weight)
