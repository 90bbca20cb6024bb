"""How fast a GPU embeds by itself, beside fits in threads of the same process, and beside fits in another process.

    python benchmarks/evaluate/beside.py

What `rosberta.evaluation.aside` rests on. Fits are logistic regressions and clusterings of made-up embeddings.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from encode import Texts, write_model
from rosberta.embedding.embedder import Embedder
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.evaluation.libraries import limited


def fits(over: Callable[[], bool]) -> None:
    """Fit until it is over, with one thread for each processor."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    draws = np.random.default_rng(0)
    embeddings, labels = draws.standard_normal((2048, 1024)).astype(np.float32), np.arange(2048) % 28

    def one() -> None:
        limited()
        while not over():
            found = LogisticRegression(max_iter=100).fit(embeddings[:224], labels[:224]).predict(embeddings)
            f1_score(labels, found, average="macro")
            MiniBatchKMeans(28, batch_size=512, n_init=1, random_state=0).fit_predict(embeddings)

    threads = [threading.Thread(target=one) for _ in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    cuda = torch.cuda.is_available()
    size = (
        {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096}
        if cuda
        else {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}
    )
    source = Texts(60_000)
    texts = source.of(1 + source.numbers.gamma(2.0, 35, 20_000 if cuda else 200).astype(int))
    with tempfile.TemporaryDirectory() as place:
        write_model(Path(place), texts[:200], 20_000 if cuda else 1_000, 98_000 if cuda else 1_000, **size)
        model = load_sentence_transformer(Path(place), "cls", 512).to("cuda:0" if cuda else "cpu")
        embedder = Embedder(model, revision="0", precision="bf16" if cuda else "fp32", batch_tokens=65_536)

        def seconds() -> float:
            start = time.perf_counter()
            embedder.embed(texts)
            return time.perf_counter() - start

        seconds()
        print(f"by itself {seconds():.2f} s", flush=True)
        over = threading.Event()
        beside = threading.Thread(target=fits, args=(over.is_set,))
        beside.start()
        time.sleep(1)
        print(f"beside fits in threads {seconds():.2f} s", flush=True)
        over.set()
        beside.join()
        if not (child := os.fork()):
            os.nice(5)
            fits(lambda: False)
        time.sleep(1)
        print(f"beside fits in another process {seconds():.2f} s", flush=True)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(f"by itself again {seconds():.2f} s", flush=True)


if __name__ == "__main__":
    main()
