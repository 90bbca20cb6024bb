"""Speed of the two trainings at a given size: what trains here, and the stock way on the same texts.

    python benchmarks/train/train.py --work contrast --precision bf16 --stock --stock-texts 128
    python benchmarks/train/train.py --work pretrain --precision bf16 --stock --stock-texts 64

Weights and token ids are random, lengths are drawn log-normally. Prints a line of JSON a way: tokens a second (padding
does not count), the share of the GPU's peak in bf16 that the operations needed for them make up, and memory. An
operation is needed once: what is computed again to save memory does not count, nor does a head where nothing is masked.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rosberta.costs import speeds, work
from rosberta.experiment.training import Contrast, Pretrain
from rosberta.training import loop
from rosberta.training.contrastive import Contrastive, Source
from rosberta.training.loop import Totals, learn, optimizer_of
from rosberta.training.masked_language import MaskedLanguage, masking_of
from rosberta.training.masking import masked
from rosberta.training.processes import is_first, met
from rosberta.training.schedule import schedule, texts_of
from rosberta.training.token_store import TokenStore
from tokenizers import Tokenizer, models
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
PADDING, LONGEST, SPREADS = 1, 512, {"anchor": 0.4, "document": 0.6}
OPTIONS: dict[str, tuple[int | None, str]] = {
    "layers": (24, "of the encoder"), "width": (1024, "of its hidden states"), "vocabulary": (98_505, "of its tokens"),
    "rows": (None, "of a step: pairs (128), or texts to pretrain on (1024)"), "negatives": (7, "of a pair"),
    "anchor-tokens": (14, "of an anchor in the mean"), "document-tokens": (90, "of any other text in the mean"),
    "micro-tokens": (16_384, "computed at once"), "seed": (0, "of all draws"),
    "stock-texts": (None, "computed at once by the stock way; else all of a column, or of a step"),
    "devices": (1, "device batches of a step of contrast, which several processes share out"),
    "steps": (12, "the first third, one at least, is not timed"),
}  # fmt: skip
DEVICE = (
    torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else torch.device("cpu")
)
Asked = argparse.Namespace
Texts = list[np.ndarray]
Step = tuple[int, float]  # tokens and operations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", choices=["contrast", "pretrain"], default="contrast")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    for name, (default, told) in OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=told)
    parser.add_argument("--compiled", action="store_true", help="compile layers")
    parser.add_argument("--activation-budget", type=float, default=1.0, help="share of activations that they keep")
    parser.add_argument("--dropout", type=float, default=None, help="of hidden states; else RoBERTa's own")
    parser.add_argument("--stock", action="store_true", help="time the stock way too")
    parser.add_argument("--stock-checkpointing", action="store_true", help="let the stock way recompute activations")
    asked = parser.parse_args()
    asked.rows = asked.rows or (128 if asked.work == "contrast" else 1024)
    asked.common = {"precision": asked.precision, "micro_tokens": asked.micro_tokens}
    asked.common |= {"max_steps": asked.steps, "warmup_steps": 1, "dropout": asked.dropout}
    asked.common |= {"compiled": asked.compiled, "activation_budget": asked.activation_budget}
    with met():
        (contrast if asked.work == "contrast" else pretrain)(asked)


def contrast(asked: Asked) -> None:
    """Device batches of rows that share no text."""
    settings = Contrast(batch_size=asked.rows, devices=asked.devices, hard_negatives=asked.negatives, **asked.common)
    chance = np.random.default_rng(asked.seed)
    number, wide = asked.rows * asked.devices * asked.steps, 1 + asked.negatives
    forms = np.arange(number * (wide + 1)).reshape(number, wide + 1)
    rows = np.concatenate([forms[:, :1] // (wide + 1), np.arange(number * wide).reshape(number, wide)], axis=1)
    anchors, documents = store(asked, "anchor", number, chance), store(asked, "document", number * wide, chance)
    sources = {"made": Source(anchors, documents, rows.astype(np.int32), forms, np.zeros((0, 2), np.int64))}
    drawn = schedule(
        {"made": texts_of(forms)}, batch_size=asked.rows, devices=asked.devices, seed=0, max_steps=asked.steps
    )
    batches = []
    for step in range(asked.steps):
        which = np.concatenate([rows for _, _, rows in drawn.step(step)])
        batches.append([[anchors[text] for text in rows[which, 0]]])
        batches[-1] += [[documents[text] for text in column] for column in rows[which, 1:].T]
    steps = [step_of(asked, [text for column in batch for text in column]) for batch in batches]
    encoder = made(RobertaModel, asked, add_pooling_layer=False)
    core(asked, Contrastive(encoder, sources, drawn, settings, asked.seed, "contrast"), encoder, settings, steps)
    del encoder
    if asked.stock:
        stock_contrast(asked, settings, batches, steps)


def stock_contrast(asked: Asked, settings: Contrast, batches: list[list[Texts]], steps: list[Step]) -> None:
    """Sentence-transformers' loss over columns of padded texts."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    class Encoder(RobertaModel):
        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
            with autocast(asked):
                states = super().forward(features["input_ids"], features["attention_mask"]).last_hidden_state
            return features | {"token_embeddings": states}

    encoder = made(Encoder, asked, add_pooling_layer=False)
    model = SentenceTransformer(modules=[encoder, Pooling(asked.width, "cls"), Normalize()], device=str(DEVICE))
    kind: Any = losses.CachedMultipleNegativesRankingLoss if asked.stock_texts else losses.MultipleNegativesRankingLoss
    cached = {"mini_batch_size": asked.stock_texts} if asked.stock_texts else {}
    loss = kind(model, scale=1 / settings.temperature, **cached)

    def backward(step: int) -> None:
        loss([padded(column) for column in batches[step]], None).backward()

    stock(asked, encoder, settings, backward, steps)


def pretrain(asked: Asked) -> None:
    """Steps of masked language modelling."""
    settings = Pretrain(batch_size=asked.rows, max_length=LONGEST, seed=asked.seed, **asked.common)
    texts = store(asked, "document", asked.rows * asked.steps, np.random.default_rng(asked.seed))
    words = {word: number for number, word in enumerate([*SPECIAL, *map(str, range(asked.vocabulary - len(SPECIAL)))])}
    tokenizer = Tokenizer(models.WordLevel(words, "<unk>"))
    tokenizer.add_special_tokens(SPECIAL)
    model = made(RobertaForMaskedLM, asked)
    training = MaskedLanguage(model, tokenizer, texts, settings, "pretrain")
    which = [training._drawn(step * asked.rows, (step + 1) * asked.rows)[0] for step in range(asked.steps)]
    steps = [step_of(asked, [texts[text] for text in each]) for each in which]
    core(asked, training, model, settings, steps)
    del model, training
    if not asked.stock:
        return
    model, how = made(RobertaForMaskedLM, asked), masking_of(tokenizer, settings, "pretrain")
    at_once = asked.stock_texts or asked.rows

    def backward(step: int) -> None:
        ids = np.concatenate([texts[text] for text in which[step]])
        starts = np.concatenate([[0], np.cumsum(texts.lengths(which[step]))])
        hidden, chosen = masked(ids, starts, texts.hashes[which[step]], how)
        labels = np.full(len(ids), -100)
        labels[chosen] = ids[chosen]
        for first in range(0, asked.rows, at_once):
            part = slice(first, first + at_once)
            features = padded(np.split(hidden, starts[1:-1])[part])
            answers = padded(np.split(labels, starts[1:-1])[part], -100)["input_ids"]
            with autocast(asked):
                loss = model(**features, labels=answers).loss
            (loss * len(answers) / asked.rows).backward()

    stock(asked, model, settings, backward, steps)


def store(asked: Asked, side: str, number: int, chance: np.random.Generator) -> TokenStore:
    """Random texts between the first and the last token of RoBERTa, as long as those of a side."""
    mean, spread = getattr(asked, f"{side}_tokens"), SPREADS[side]
    drawn = chance.lognormal(math.log(mean) - spread**2 / 2, spread, number)
    starts = np.concatenate([[0], np.cumsum(np.clip(np.rint(drawn), 4, LONGEST))]).astype(np.int64)
    ids = chance.integers(len(SPECIAL), asked.vocabulary, starts[-1], np.int32)
    ids[starts[:-1]], ids[starts[1:] - 1] = 0, 2
    return TokenStore(ids, starts, chance.integers(0, 1 << 63, number, np.uint64), Path())


def made(kind: Any, asked: Asked, **options: Any) -> Any:
    """A RoBERTa with random weights, on its device; from here on memory is counted."""
    gc.collect()
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(asked.seed)
    config = RobertaConfig(
        vocab_size=asked.vocabulary, hidden_size=asked.width, intermediate_size=4 * asked.width, type_vocab_size=1,
        num_hidden_layers=asked.layers, num_attention_heads=max(1, asked.width // 64), pad_token_id=PADDING,
        max_position_embeddings=LONGEST + 2,
    )  # fmt: skip
    return kind(config, **options).to(DEVICE)


def padded(texts: Texts, padding: int = PADDING) -> dict[str, Tensor]:
    """Texts as a collator of transformers lays them."""
    ids = nn.utils.rnn.pad_sequence([torch.from_numpy(text.astype(np.int64)) for text in texts], True, padding)
    return {"input_ids": ids.to(DEVICE), "attention_mask": (ids != padding).long().to(DEVICE)}


def autocast(asked: Asked) -> torch.autocast:
    return torch.autocast(DEVICE.type, torch.bfloat16, enabled=asked.precision == "bf16")


def step_of(asked: Asked, texts: Texts) -> Step:
    """What a step over these texts needs, as the command `cost` counts it, each operation once."""
    shape, tokens = speeds.Shape(asked.layers, asked.width, 4 * asked.width, asked.vocabulary), sum(map(len, texts))
    needed = sum(len(text) * work.forward(shape, len(text)) for text in texts)
    if asked.work == "pretrain":
        needed += Pretrain().mask_probability * tokens * 2 * shape.hidden * shape.vocabulary
    return tokens, 3 * needed


def core(asked: Asked, training: Any, model: nn.Module, settings: Any, steps: list[Step]) -> None:
    """Time the project's own loop, from the begin of one step to that of the next."""
    times: list[float] = []
    compute = training.compute

    def clocked(*arguments: int) -> Totals:
        times.append(now())
        return compute(*arguments)

    training.compute = clocked
    loop.CHECKPOINT_SECONDS = math.inf
    points = learn(training, model, settings, Path("no checkpoints"))
    report(asked, "core", [*times, now()], steps, losses=[point["loss"] for point in points])


def stock(asked: Asked, model: Any, settings: Any, backward: Callable[[int], None], steps: list[Step]) -> None:
    """Time a plain loop: forward, backward, and a step of AdamW."""
    torch.use_deterministic_algorithms(False)
    if asked.stock_checkpointing:
        model.activation_checkpointing_enable()
    optimizer = optimizer_of(model, settings)
    model.train()
    times = [now()]
    for step in range(len(steps)):
        optimizer.zero_grad(set_to_none=True)
        backward(step)
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimizer.step()
        times.append(now())
    report(asked, "stock", times, steps)


def now() -> float:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def report(asked: Asked, way: str, times: list[float], steps: list[Step], **more: Any) -> None:
    """Write what was found, of all steps behind the first third."""
    if not is_first():
        return
    gpus = int(os.environ.get("WORLD_SIZE", "1"))
    first = min(max(1, len(steps) // 3), len(steps) - 1)
    seconds = times[-1] - times[first]
    tokens, done = (sum(each) for each in zip(*steps[first:], strict=True))
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "CPU"
    peak = next((value for gpu, value in speeds.gpus().items() if gpu in name), None)
    names = (
        "work",
        "layers",
        "width",
        "rows",
        "precision",
        "compiled",
        "activation_budget",
        "dropout",
        "devices",
        "micro_tokens" if way == "core" else "stock_texts",
    )
    told = {"way": way, "device": name, "processes": gpus} | {each: getattr(asked, each) for each in names}
    told |= {"tokens_a_step": round(tokens / (len(steps) - first)), "tokens_a_second": round(tokens / seconds)}
    told |= {"seconds_a_step": round(seconds / (len(steps) - first), 4)}
    if DEVICE.type == "cuda":
        memory = round(torch.cuda.max_memory_allocated() / 1e9, 1)
        told |= {"share_of_peak": peak and round(done / seconds / peak / gpus, 3), "memory_gb": memory}
    print(json.dumps(told | more), flush=True)


if __name__ == "__main__":
    main()
