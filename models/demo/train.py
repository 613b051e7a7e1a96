"""Trains the Shoal demo model from nothing and writes `shoal-demo.gguf`: run `python train.py`.

The steps: draw examples (`tasks.py`), train the tokenizer (`tokenizer.py`), train the transformer
(`model.py`), measure it on prompts it has never seen, and export it (`export.py`).
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
import torch.distributed
import torch.multiprocessing
import torch.nn.functional as F
from torch import Tensor

from export import export
from model import Shape, Transformer
from tasks import CONVERSATION, TASKS, Example, draw_held_out, draw_training_example
from tokenizer import ASSISTANT_ID, END_ID, USER_ID, Tokenizer

SEED = 20
TOKENIZER_EXAMPLES = 20_000
MERGES = Path(__file__).with_name("merges.txt")  # kept, so that token ids survive a change of the examples

# (step, share of the peak rate at it), with straight lines between. The later rises were added after a fall had
# left some tasks short of their target.
SCHEDULE = [(0, 0.0), (60, 1.0), (600, 1.0), (1_400, 0.11), (1_430, 0.4), (2_000, 0.06), (2_030, 0.35), (2_600, 0.0)]
STEPS = SCHEDULE[-1][0]
BATCH_EXAMPLES = 128
MATRIX_RATE = 0.02  # peak learning rate of Muon
MATRIX_MOMENTUM = 0.95
MATRIX_DECAY = 0.01  # pull of the matrices towards zero, per unit of learning rate
OTHER_RATE = 3e-3  # peak learning rate of AdamW, for the embedding and the norms
LARGEST_GRADIENT = 1.0

GROUP_TOKENS = 512  # padded tokens per forward pass; more means more padding, less is slower
# Processes of one thread each share a batch and add up their gradients. Threads of one process would wait for each
# other thousands of times per step, which is many times slower once another program uses the processor too.
PROCESSES = 2
PROGRESS_STEPS = 25
CHECKPOINT_STEPS = 200
CHECKPOINT_EXAMPLES = 100  # held-out prompts per task at a checkpoint
FINAL_EXAMPLES = 500  # held-out prompts per task at the end

# Without this an answer of hundreds of tokens would drown out the one-token result of a sum.
LENGTH_EXPONENT = -0.2  # weight of a token = (tokens of its answer) ** exponent

IGNORED = -1  # target of the positions that are not part of an answer

Encoded = tuple[list[int], list[int], list[float]]  # tokens, target after each token, its weight


def encode(tokenizer: Tokenizer, example: Example) -> Encoded:
    """Render a conversation as the chat template does; only the answers are to be predicted."""
    tokens: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    for prompt, answer in example.turns:
        question = [USER_ID, *tokenizer.encode(prompt.strip()), END_ID, ASSISTANT_ID]
        reply = [*tokenizer.encode(answer), END_ID]
        tokens += question + reply
        targets += [IGNORED] * (len(question) - 1) + reply + [IGNORED]
        weights += [0.0] * (len(question) - 1) + [len(reply) ** LENGTH_EXPONENT] * len(reply) + [0.0]
    return tokens, targets, weights


def groups(examples: list[Encoded]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Cut examples into groups of about the same length, so that little computation goes into padding.

    Padding follows the text, where causal attention cannot see it, so it needs no mask.
    """
    waiting = sorted(examples, key=lambda example: len(example[0]))
    while waiting:
        longest = len(waiting[-1][0])
        size = max(1, GROUP_TOKENS // longest)
        group, waiting = waiting[-size:], waiting[:-size]

        def padded(part: int, filler: float) -> Tensor:
            return torch.tensor([[*example[part], *[filler] * (longest - len(example[part]))] for example in group])

        yield padded(0, END_ID), padded(1, IGNORED), padded(2, 0.0)


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each matrix is made orthogonal (Jordan et al., 2024).

    It usually needs fewer steps than AdamW. PyTorch's own works in bfloat16, which is slow on processors.
    """

    def __init__(self, matrices: list[Tensor], rate: float) -> None:
        super().__init__(matrices, {"lr": rate})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update all matrices; those of one shape are made orthogonal together, which is faster."""
        for group in self.param_groups:
            rate = group["lr"]
            for shape in {matrix.shape for matrix in group["params"]}:
                matrices = [matrix for matrix in group["params"] if matrix.shape == shape]
                updates = []
                for matrix in matrices:
                    momentum = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                    momentum.lerp_(matrix.grad, 1 - MATRIX_MOMENTUM)
                    updates.append(matrix.grad.lerp(momentum, MATRIX_MOMENTUM))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for matrix, update in zip(matrices, orthogonal(torch.stack(updates))):
                    matrix.mul_(1 - rate * MATRIX_DECAY).sub_(update, alpha=rate * scale)


def orthogonal(matrices: Tensor) -> Tensor:
    """Bring all singular values close to 1 with five Newton-Schulz steps."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.mT if tall else x


def rate_factor(step: int) -> float:
    """Learning rate of a step over its peak."""
    for (start, start_share), (end, end_share) in zip(SCHEDULE, SCHEDULE[1:]):
        if step < end:
            return start_share + (end_share - start_share) * (step + 0.5 - start) / (end - start)
    return 0.0


@torch.no_grad()
def evaluate(model: Transformer, tokenizer: Tokenizer, held_out: dict[str, list[Example]]) -> dict[str, float]:
    """Share of held-out conversations per task of which every token of every answer is right.

    If each token is the likeliest one after the right tokens before it, greedy generation gives exactly the
    right answer, so one forward pass is enough.
    """
    accuracy = {}
    for task, examples in held_out.items():
        right = 0
        for tokens, targets, _ in groups([encode(tokenizer, example) for example in examples]):
            wanted = targets != IGNORED
            wrong = torch.zeros_like(wanted)
            wrong[wanted] = model(tokens, wanted).argmax(-1) != targets[wanted]
            right += int((~wrong.any(-1)).sum())
        accuracy[task] = right / len(examples)
    return accuracy


def draw_evaluation(per_task: int) -> dict[str, list[Example]]:
    """The held-out prompts: the same in every run."""
    rng = Random(SEED + 1)
    return {task: [draw_held_out(rng, task) for _ in range(per_task)] for task in [*TASKS, CONVERSATION]}


def add_gradients(model: Transformer) -> None:
    """Replace the gradients of each process by the sum over all processes."""
    gradients = [weights.grad for weights in model.parameters()]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    for gradient, total in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(total.view_as(gradient))


def report(accuracy: dict[str, float]) -> str:
    return "  ".join(f"{task} {100 * share:.1f}" for task, share in accuracy.items())


def train(rank: int, options: argparse.Namespace, meeting_point: str) -> None:
    """Run one of the processes: all do the same except that each computes the gradients of its share of a batch."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=PROCESSES)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    leads = rank == 0
    rng = Random(SEED)
    shape = Shape()
    tokenizer = Tokenizer.load(MERGES)
    model = Transformer(shape)
    matrices = [weights for weights in model.blk.parameters() if weights.dim() == 2]
    others = [weights for name, weights in model.named_parameters() if weights.dim() == 1 or name.startswith("token_embd")]
    optimizers: list[torch.optim.Optimizer] = [
        Muon(matrices, MATRIX_RATE),
        torch.optim.AdamW(others, OTHER_RATE, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, rate_factor) for optimizer in optimizers]
    first_step = 1
    if options.state and options.state.exists():
        state = torch.load(options.state, weights_only=False)
        model.load_state_dict(state["model"])
        for optimizer, schedule, saved in zip(optimizers, schedules, state["optimizers"]):
            optimizer.load_state_dict(saved)
            schedule.last_epoch = state["step"]  # not its own state, so that SCHEDULE may be changed in between
        rng.setstate(state["rng"])
        first_step = state["step"] + 1

    checkpoint_prompts = draw_evaluation(CHECKPOINT_EXAMPLES)
    started = time.monotonic()
    for step in range(first_step, STEPS + 1):
        batch = [encode(tokenizer, draw_training_example(rng)) for _ in range(BATCH_EXAMPLES)]
        total_weight = sum(sum(weights) for _, _, weights in batch)
        own_loss = 0.0
        for tokens, targets, weights in list(groups(batch))[rank::PROCESSES]:
            wanted = targets != IGNORED
            losses = F.cross_entropy(model(tokens, wanted), targets[wanted], reduction="none")
            loss = (losses * weights[wanted]).sum() / total_weight
            loss.backward()
            own_loss += loss.item()
        add_gradients(model)
        torch.nn.utils.clip_grad_norm_(others, LARGEST_GRADIENT)  # Muon's updates have a fixed size anyway
        for optimizer, schedule in zip(optimizers, schedules):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        if leads and step % PROGRESS_STEPS == 0:
            minutes = (time.monotonic() - started) / 60
            print(f"step {step}  {minutes:.1f} min  loss of this process {own_loss:.4f}", flush=True)
        if leads and step % CHECKPOINT_STEPS == 0 and step < STEPS:
            export(model, shape, tokenizer, options.out)
            if options.state:
                saved = [optimizer.state_dict() for optimizer in optimizers]
                torch.save({"step": step, "model": model.state_dict(), "optimizers": saved, "rng": rng.getstate()}, options.state)
            print(report(evaluate(model, tokenizer, checkpoint_prompts)), flush=True)

    if leads:
        export(model, shape, tokenizer, options.out)
        print("held-out accuracy, percent:", report(evaluate(model, tokenizer, draw_evaluation(FINAL_EXAMPLES))))
    torch.distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("shoal-demo.gguf"))
    parser.add_argument("--state", type=Path, help="save the state of training here, and continue from it if it exists")
    parser.add_argument("--held-out", type=Path, help="also write the held-out prompts and their answers as JSON here")
    options = parser.parse_args()
    if options.held_out:
        prompts = {task: [example.turns for example in examples] for task, examples in draw_evaluation(FINAL_EXAMPLES).items()}
        options.held_out.write_text(json.dumps(prompts, ensure_ascii=False))
    if not MERGES.exists():
        rng = Random(SEED)
        sample = [draw_training_example(rng) for _ in range(TOKENIZER_EXAMPLES)]
        texts = (text for example in sample for turn in example.turns for text in turn)
        Tokenizer.train(texts, Shape().vocabulary).save(MERGES)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(train, (options, f"{folder}/meeting-point"), nprocs=PROCESSES)


if __name__ == "__main__":
    main()
