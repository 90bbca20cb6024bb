"""How fast texts become embeddings: sentence-transformers' `encode`, and the project's `Embedder`, side by side.

    python benchmarks/evaluate/encode.py

On a GPU a model of ru-en-RoBERTa's true size with random weights, on a CPU a tiny one; texts of invented words in the
lengths of ruMTEB's documents (about 164 of its tokens) and queries (about 10). Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import logging
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rosberta.embedding.cache import EmbeddingCache
from rosberta.embedding.embedder import Embedder
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SYLLABLES = [a + b for a in "бвгджзклмнпрстфхчш" for b in "аеиоуыюя"]
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


class Texts:
    """Texts of invented words, frequent and rare ones as in a language (Zipf)."""

    def __init__(self, words: int, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.words = list(dict.fromkeys("".join(self.chance.choices(SYLLABLES, k=self.length())) for _ in range(words)))
        self.weights = 1 / (np.arange(len(self.words)) + 3.0)
        self.weights /= self.weights.sum()

    def length(self) -> int:
        return self.chance.choice((1, 2, 2, 3, 3, 4, 5))

    def of(self, lengths: Sequence[int]) -> list[str]:
        drawn = self.numbers.choice(len(self.words), int(sum(lengths)), p=self.weights)
        ends = np.cumsum(lengths)
        return [
            " ".join(self.words[word] for word in drawn[end - length : end]).capitalize() + "."
            for end, length in zip(ends, lengths, strict=True)
        ]


def write_model(folder: Path, texts: list[str], vocabulary: int, rows: int, **size: int) -> None:
    """Write a RoBERTa with random weights and a tokenizer trained on `texts`."""
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True) for token in SPECIAL]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **names, pad_token="<pad>", mask_token="<mask>", model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=rows, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, layer_norm_eps=1e-5, **size,
    )  # fmt: skip
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)


class Clock:
    """Runs methods, and keeps a line of the table for each."""

    def __init__(self, cuda: bool, flops: int, ceiling: float | None) -> None:
        self.cuda, self.flops, self.ceiling = cuda, flops, ceiling
        self.lines = [
            "| texts | method | tokens/s | texts/s | of the ceiling | 1 - cosine, mean | largest |",
            "|" + "---|" * 7,
        ]

    def time(
        self, kind: str, method: str, run: Callable[[], Any], tokens: int, texts: int, exact: np.ndarray | None = None
    ) -> Any:
        """Time three runs, take the middle one; compare the first embeddings with `exact`."""
        taken = []
        for _ in range(3):
            if self.cuda:
                torch.cuda.synchronize()
            start = time.perf_counter()
            result = run()
            if self.cuda:
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - start)
        seconds = sorted(taken)[1]
        share = f"{tokens / seconds * self.flops / self.ceiling:.0%}" if self.ceiling else ""
        off = ("", "")
        if exact is not None:
            away = 1 - np.einsum("ij,ij->i", exact.astype(np.float64), result[: len(exact)].astype(np.float64))
            off = (f"{away.mean():.1e}", f"{away.max():.1e}")
        line = (
            f"| {kind} | {method} | {tokens / seconds:,.0f} | {texts / seconds:,.0f} | {share} | {off[0]} | {off[1]} |"
        )
        self.lines.append(line)
        print(line, f" ({seconds:.2f} s)", flush=True)
        return result


def ceiling(device: str) -> float:
    """Floating-point operations a second of a large bf16 matrix product, the best of several."""
    size = 8192
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(10):
            left @ right
        end.record()
        end.synchronize()
        best = max(best, 10 * 2 * size**3 / (start.elapsed_time(end) / 1e3))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", nargs="+", default=["cuda:0" if torch.cuda.is_available() else "cpu"])
    parser.add_argument("--documents", type=int)
    parser.add_argument("--queries", type=int)
    parser.add_argument("--batch-tokens", type=int, nargs="+")
    parser.add_argument("--pooling", default="cls")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--width", type=int, help="of hidden states, a multiple of 64, or of 32 where it is small")
    arguments = parser.parse_args()
    cuda = arguments.devices[0].startswith("cuda")
    documents, queries = (
        arguments.documents or (12_000 if cuda else 400),
        arguments.queries or (60_000 if cuda else 4_000),
    )
    budgets = arguments.batch_tokens or ([16_384, 32_768, 65_536] if cuda else [4_096, 16_384])
    size: dict[str, int] = (
        {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096}
        if cuda
        else {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}
    )
    size |= {"num_hidden_layers": arguments.layers} if arguments.layers else {}
    if width := arguments.width:
        heads = width // (64 if width > 512 else 32)
        size |= {"hidden_size": width, "num_attention_heads": heads, "intermediate_size": 4 * width}
    logging.disable(logging.WARNING)
    from rosberta.encoder.folder import load_sentence_transformer

    source = Texts(60_000 if cuda else 5_000)
    lengths = np.clip(source.numbers.lognormal(np.log(125), 0.55, documents), 8, 400).astype(int)
    texts = {"documents": source.of(lengths), "queries": source.of(source.numbers.integers(3, 9, queries))}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        sample = texts["documents"][: min(documents, 3000)]
        write_model(folder, sample, 40_000 if cuda else 2_000, 98_000 if cuda else 2_000, **size)
        model = load_sentence_transformer(folder, arguments.pooling, 512).to(arguments.devices[0])
        counts = {
            kind: [min(512, len(each.ids)) for each in model.tokenizer.backend_tokenizer.encode_batch_fast(some)]
            for kind, some in texts.items()
        }
        for kind, some in counts.items():
            print(f"{kind}: {len(some)}, {np.mean(some):.1f} tokens on average, {max(some)} at most")
        encoder = model[0].auto_model
        flops = 2 * sum(weight.numel() for name, weight in encoder.named_parameters() if "embeddings" not in name)
        clock = Clock(cuda, flops, ceiling(arguments.devices[0]) if cuda else None)
        if cuda:
            print(f"{torch.cuda.get_device_name()}: bf16 products at {clock.ceiling / 1e12:.0f} TFLOP/s, "
                  f"that is {clock.ceiling / flops:,.0f} tokens/s of this model")  # fmt: skip
        measure(clock, model, texts, counts, budgets, arguments.devices, Path(place) / "cache")
        print("\n".join(["", *clock.lines]))


def measure(
    clock: Clock, model: Any, texts: dict[str, list[str]], counts: dict[str, list[int]], budgets: list[int],
    devices: list[str], cache: Path,
) -> None:  # fmt: skip
    """Time every method on every kind of texts."""
    few = {"documents": 800, "queries": 6_000} if clock.cuda else {kind: len(some) for kind, some in texts.items()}
    exact = {}
    for kind, some in texts.items():

        def stock(number: int, batch: int, some: list[str] = some) -> Callable[[], Any]:
            return lambda: model.encode(some[:number], batch_size=batch, show_progress_bar=False)

        stock(200, 32)()
        number = few[kind]
        exact[kind] = clock.time(
            kind, "encode, fp32, 32 a batch", stock(number, 32), sum(counts[kind][:number]), number
        )
    for budget in budgets:
        embedder = Embedder(model, revision="", batch_tokens=budget)
        for kind, some in texts.items():
            number = few[kind]
            embedder.embed(some[-200:])
            clock.time(
                kind, f"Embedder, fp32, {budget} tokens a batch", lambda: embedder.embed(some[:number]),  # noqa: B023
                sum(counts[kind][:number]), number, exact[kind],
            )  # fmt: skip
    kept = EmbeddingCache(cache, 10**11)
    cached = Embedder(model, revision="", cache=kept)
    for kind, some in texts.items():
        first = cached.embed(some[: few[kind]])
        again = clock.time(kind, "Embedder, from its cache", lambda: cached.embed(some[: few[kind]]),  # noqa: B023
                           sum(counts[kind][: few[kind]]), few[kind])  # fmt: skip
        assert np.array_equal(first, again)
    for budget in budgets:
        embedder = Embedder(model, revision="", precision="bf16", batch_tokens=budget)
        for kind, some in texts.items():
            embedder.embed(some[-2000:])
            clock.time(kind, f"Embedder, bf16, {budget} tokens a batch", lambda: embedder.embed(some),  # noqa: B023
                       sum(counts[kind]), len(some), exact[kind])  # fmt: skip
            batches = list(embedder._batches(some, list(range(len(some))), ""))
            clock.time(kind, f"the same, tokenised before, {budget}",
                       lambda: list(embedder._replicas[0].embed(iter(batches), "")),  # noqa: B023
                       sum(counts[kind]), len(some))  # fmt: skip
    if not clock.cuda:
        return
    if len(devices) > 1:
        embedder = Embedder(model, revision="", precision="bf16", batch_tokens=budgets[-1], devices=devices)
        for kind, some in texts.items():
            embedder.embed(some[-8000:])
            clock.time(kind, f"Embedder, bf16, {budgets[-1]}, {len(devices)} devices", lambda: embedder.embed(some),  # noqa: B023
                       sum(counts[kind]), len(some), exact[kind])  # fmt: skip
    model = model.bfloat16()
    for kind, some in texts.items():
        for batch, number in ((32, few[kind]), (256 if kind == "documents" else 4096, 4 * few[kind])):

            def stock(number: int = number, batch: int = batch, some: list[str] = some) -> np.ndarray:
                return model.encode(some[:number], batch_size=batch, show_progress_bar=False)

            stock()
            clock.time(kind, f"encode, bf16, {batch} a batch", stock, sum(counts[kind][:number]), number, exact[kind])


if __name__ == "__main__":
    main()
