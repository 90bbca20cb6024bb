"""ONNX exports of an embedding model, fp32 and int8: their size, and what they lose of a score.

    python benchmarks/onnx/export.py MODEL FOLDER --task TERRa --prompts e5

MODEL is a folder of sentence-transformers; FOLDER gets ``model.onnx`` and ``model_int8.onnx``, which take token ids and
their mask and give normalised embeddings, pooling included. The task must be laid out: by the stage `benchmark`, or by
`python -m rosberta score MODEL --tasks TERRa`. Wants the environment of README.md here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mteb
import numpy as np
import torch
from rosberta.evaluation.libraries import fresh_cache
from rosberta.evaluation.models import load_model
from rosberta.evaluation.mteb_model import Evaluated, meta_of
from rosberta.evaluation.prompts import model_prompts
from rosberta.evaluation.tasks import load_task
from rosberta.experiment.benchmark import Task

PLACES = (Path("data/benchmark"), Path(".scratch/score/data/benchmark"))
BATCH = 16
NAMES = ("input_ids", "attention_mask")


class Whole(torch.nn.Module):
    """Encoder, pooling and normalisation in one."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder, self.first = model[0].auto_model, model[1].pooling_mode == "cls"

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.first:
            pooled = states[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(pooled, dim=-1)


def export(model: Any, folder: Path) -> tuple[Path, Path]:
    """Write both files."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    folder.mkdir(parents=True, exist_ok=True)
    full, small = folder / "model.onnx", folder / "model_int8.onnx"
    tokens = model.tokenizer(["раз два три", "one"], padding=True, return_tensors="pt")
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        Whole(model).eval(),
        tuple(tokens[name] for name in NAMES),
        str(full),
        input_names=list(NAMES),
        output_names=["sentence_embedding"],
        dynamic_shapes=dict.fromkeys(NAMES, free),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True)
    return full, small


class Exported:
    """What `rosberta.evaluation.mteb_model` asks of an embedder, by one of the files."""

    def __init__(self, file: Path, tokenizer: Any, limit: int, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(file, options)
        self._tokenizer, self._limit = tokenizer, limit

    def embed(self, texts: Sequence[str], prompt: str = "") -> np.ndarray:
        """Embed texts, the longest first, so that a batch holds little padding."""
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        found = np.concatenate([self._batch([prompt + texts[place] for place in part]) for part in parts])
        return found[np.argsort(order)]

    def _batch(self, texts: list[str]) -> np.ndarray:
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=self._limit, return_tensors="np")
        embeddings: np.ndarray = self._session.run(None, {name: tokens[name].astype(np.int64) for name in NAMES})[0]
        return embeddings


class Stock:
    """The same by sentence-transformers."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def embed(self, texts: Sequence[str], prompt: str = "") -> np.ndarray:
        """Embed texts."""
        found: np.ndarray = self._model.encode(list(texts), prompt=prompt, batch_size=BATCH, show_progress_bar=False)
        return found


class Measured(NamedTuple):
    """One line of the table."""

    name: str
    megabytes: float
    score: float
    seconds: float


def measure(asked: argparse.Namespace) -> Iterator[Measured]:
    """Export, then score the model and both files on the task."""
    model = load_model(Path(asked.model), asked.max_length)
    limit = int(model.max_seq_length or asked.max_length)
    prompts = model_prompts(asked.prompts)
    folder = next((place / asked.task for place in PLACES if (place / asked.task).is_dir()), None)
    if folder is None:
        raise SystemExit(f"{asked.task} is not laid out; score the model on it first (python -m rosberta score)")
    weights = sum(file.stat().st_size for file in Path(asked.model).glob("*.safetensors"))
    embedders: list[tuple[str, float, Any]] = [("torch, fp32", weights, Stock(model))]
    for name, file in zip(("onnx, fp32", "onnx, int8"), export(model, asked.folder), strict=True):
        embedders.append((name, file.stat().st_size, Exported(file, model.tokenizer, limit, asked.threads)))
    for name, size, embedder in embedders:
        task = load_task(asked.task, Task(dataset="x/y"), folder)
        evaluated = Evaluated(embedder, prompts, meta_of(model, "some/model", "none", prompts, limit))
        started = time.perf_counter()
        with fresh_cache():
            (result,) = mteb.evaluate(
                evaluated, task, co2_tracker=False, cache=None, overwrite_strategy="always", show_progress_bar=False
            )
        yield Measured(name, size / 1e6, 100 * float(result.get_score()), time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", default="TERRa")
    parser.add_argument("--prompts", default="none")
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"{'':<12}  {'MB':>7}  {asked.task:>10}  {'s':>6}")
    for line in measure(asked):
        print(f"{line.name:<12}  {line.megabytes:7.1f}  {line.score:10.4f}  {line.seconds:6.1f}", flush=True)


if __name__ == "__main__":
    main()
