"""Speed of the two trainings at a given size, with the project's own trainers, random weights and generated texts.

    python benchmarks/train/train.py --work contrast
    python benchmarks/train/train.py --work pretrain

Prints tokens a second (texts as long as `--tokens`), memory, and the share of the GPU's peak that the operations make
up, counted as the command `plan` counts them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rosberta.costs import speeds, work
from rosberta.experiment.training import Contrast, Pretrain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", choices=["contrast", "pretrain"], default="contrast")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--vocabulary", type=int, default=98_505)
    parser.add_argument("--tokens", type=int, default=90, help="of a text, special ones included")
    parser.add_argument("--batch", type=int, default=128, help="rows of pairs, or texts")
    parser.add_argument("--accumulation", type=int, default=1, help="parts of a batch, in pretraining")
    parser.add_argument("--mini-batch", type=int, default=None, help="texts embedded at once, in contrast")
    parser.add_argument("--steps", type=int, default=12, help="the first third is not timed")
    parser.add_argument("--no-checkpointing", action="store_true")
    parser.add_argument("--gpu", default="H200")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        seconds, memory = timed(asked, Path(folder))
    shape = speeds.Shape(asked.layers, asked.hidden, 4 * asked.hidden, asked.vocabulary)
    texts = asked.batch * (9 if asked.work == "contrast" else 1)
    speed = texts * asked.tokens / seconds
    each = work.operations(asked.work, shape, asked.tokens, recomputed=not asked.no_checkpointing)
    share = speed * each / speeds.gpus()[asked.gpu]
    report = {
        "work": asked.work, "layers": asked.layers, "hidden": asked.hidden, "batch": asked.batch,
        "tokens_per_text": asked.tokens, "seconds_a_step": round(seconds, 4), "tokens_a_second": round(speed),
        "share_of_peak": round(share, 3), "memory_gb": round(memory, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(report) + "\n")


def timed(asked: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Median seconds of a step, and GPU memory at most in GB."""
    import torch

    trainer = contrast(asked, folder) if asked.work == "contrast" else pretrain(asked, folder)
    times: list[float] = []
    step = trainer.training_step

    def clocked(*arguments, **options):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter())
        return step(*arguments, **options)

    trainer.training_step = clocked
    trainer.train()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    times.append(time.perf_counter())
    parts = asked.accumulation if asked.work == "pretrain" else 1
    spans = sorted(later - earlier for earlier, later in zip(times[::parts], times[parts::parts], strict=False))
    spans = spans[: max(1, 2 * len(spans) // 3)]
    memory = torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0
    return spans[len(spans) // 2], memory


def encoder(asked: argparse.Namespace, folder: Path) -> Path:
    """A RoBERTa of the size asked for with random weights and a tokenizer of whole words, as transformers saves it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = [*special, *(f"w{number}" for number in range(asked.vocabulary - len(special)))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=512,
    )  # fmt: skip
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=asked.vocabulary, hidden_size=asked.hidden, num_hidden_layers=asked.layers,
        num_attention_heads=asked.hidden // 64, intermediate_size=4 * asked.hidden, max_position_embeddings=514,
        type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder / "encoder")
    fast.save_pretrained(folder / "encoder")
    return folder / "encoder"


def texts(number: int, asked: argparse.Namespace, chance: random.Random) -> list[str]:
    """Texts of just so many tokens with the two special ones."""
    return [
        " ".join(f"w{chance.randrange(asked.vocabulary // 2)}" for _ in range(asked.tokens - 2)) for _ in range(number)
    ]


def contrast(asked: argparse.Namespace, folder: Path):
    """The trainer of the stage `contrast`."""
    from datasets import Dataset
    from rosberta.encoder.folder import load_sentence_transformer
    from rosberta.training.contrastive import prompts_of, trainer_of

    settings = Contrast(
        batch_size=asked.batch, max_steps=asked.steps, warmup_steps=2, mini_batch=asked.mini_batch,
        gradient_checkpointing=not asked.no_checkpointing,
    )  # fmt: skip
    chance = random.Random(0)
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, 8))]
    rows = Dataset.from_dict({name: texts(asked.batch * asked.steps, asked, chance) for name in names})
    # The prefix is one more word for this tokenizer.
    model = load_sentence_transformer(encoder(asked, folder), "cls", asked.tokens)
    return trainer_of(model, {"rows": rows}, {"rows": prompts_of("search", settings)}, settings, 0, folder / "run")


def pretrain(asked: argparse.Namespace, folder: Path):
    """The trainer of the stage `pretrain`."""
    from rosberta.training.masked_language import trainer_of
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    start = encoder(asked, folder)
    settings = Pretrain(
        batch_size=asked.batch, gradient_accumulation=asked.accumulation, max_steps=asked.steps, warmup_steps=2,
        max_length=asked.tokens,
    )  # fmt: skip
    rows = texts(asked.batch * asked.steps, asked, random.Random(0))
    model = AutoModelForMaskedLM.from_pretrained(start)
    return trainer_of(model, AutoTokenizer.from_pretrained(start), rows, settings, folder / "run")


if __name__ == "__main__":
    main()
