"""Make the three models that the set `open` starts from, out of the mirror's texts for language modelling alone.

No pretrained encoder is public enough to be in that mirror, so base and donor are small RoBERTas whose tokenizers and
token embeddings come from its Russian and English texts, and whose layers are random; the teacher averages the token
embeddings of both languages. Embeddings are a latent semantic analysis: the singular vectors of which token stands
near which. Same texts, same bytes.

    python benchmarks/open/models.py MIRROR FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

import numpy as np
import pyarrow.parquet as pq
import torch
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 256, 3, 4, 768, 258
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SIZES = {"open/ru-base": 16_000, "open/en-base": 8_000, "open/teacher": 20_000}
WINDOW = 8


def texts(mirror: Path, name: str, per_source: int = 5_000) -> list[str]:
    """Texts of one set, at most so many of each source, so that none outweighs the rest."""
    rows = pq.read_table(mirror / "datasets/open" / name / "train.parquet").to_pylist()
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["source"]] = seen.get(row["source"], 0) + 1
        if seen[row["source"]] <= per_source:
            kept.append(row["text"])
    return kept


def tokenizer(corpus: list[str], size: int) -> Tokenizer:
    """Byte-level BPE with RoBERTa's special tokens and frame."""
    made = Tokenizer(models.BPE(unk_token=None))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(corpus, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return made


def embeddings(made: Tokenizer, corpus: list[str], size: int) -> np.ndarray:
    """Token embeddings, shape (size, HIDDEN), rows of unit length but for tokens never seen, which are zero.

    Singular vectors of the positive pointwise mutual information of tokens within WINDOW of each other (Levy and
    Goldberg, 2014), with the square root of the singular values.
    """
    counts = csr_matrix((size, size), dtype=np.float64)
    for start in range(0, len(corpus), 4_000):
        rows, columns = [], []
        for encoded in made.encode_batch(corpus[start : start + 4_000], add_special_tokens=False):
            ids = np.array(encoded.ids)
            for distance in range(1, WINDOW + 1):
                rows.append(ids[:-distance])
                columns.append(ids[distance:])
        row, column = np.concatenate(rows), np.concatenate(columns)
        counts += coo_matrix((np.ones(len(row)), (row, column)), shape=(size, size)).tocsr()
    counts = (counts + counts.T).tocoo()
    total = counts.sum()
    share = np.asarray(counts.sum(axis=1)).ravel() ** 0.75
    share /= share.sum()
    frequency = np.asarray(counts.sum(axis=1)).ravel() / total
    information = np.log(counts.data / total / (frequency[counts.row] * share[counts.col]))
    matrix = csr_matrix((np.maximum(information, 0), (counts.row, counts.col)), shape=(size, size))
    left, values, _ = randomized_svd(matrix, HIDDEN, n_iter=4, random_state=0)
    vectors = left * np.sqrt(values)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def write_tokenizer(made: Tokenizer, folder: Path, length: int) -> None:
    """Save as the hub has it."""
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), SPECIAL, strict=True))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, cls_token="<s>", sep_token="</s>", model_max_length=length, **names
    )
    fast.save_pretrained(folder)


def write_encoder(folder: Path, corpus: list[str], size: int) -> None:
    """A RoBERTa with these texts' tokenizer and embeddings, and random layers."""
    made = tokenizer(corpus, size)
    vectors = embeddings(made, corpus, size)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=size,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    encoder = RobertaForMaskedLM(config)
    seen = torch.tensor(np.linalg.norm(vectors, axis=1) > 0)
    with torch.no_grad():
        # At the spread that RoBERTa starts its embeddings with.
        scaled = torch.tensor(vectors, dtype=torch.float32) * config.initializer_range * HIDDEN**0.5
        encoder.get_input_embeddings().weight[seen] = scaled[seen]
    encoder.save_pretrained(folder)
    write_tokenizer(made, folder, POSITIONS - 2)


def write_teacher(folder: Path, corpus: list[str], size: int) -> None:
    """A static embedding model of sentence-transformers: the mean of the texts' token embeddings."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    made = tokenizer(corpus, size)
    vectors = embeddings(made, corpus, size)
    document_frequency = np.zeros(size)
    for encoded in made.encode_batch(corpus, add_special_tokens=False):
        document_frequency[np.unique(encoded.ids)] += 1
    rarity = np.log((1 + len(corpus)) / (1 + document_frequency))[:, None]
    made.post_processor = None
    model = SentenceTransformer(
        modules=[StaticEmbedding(made, embedding_weights=(vectors * rarity).astype(np.float32)), Normalize()],
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)


def main(mirror: Path, out: Path) -> None:
    """Write the three models in a mirror's layout."""
    russian, english = texts(mirror, "mlm-ru"), texts(mirror, "mlm-en")
    write_encoder(out / "models/open/ru-base", russian, SIZES["open/ru-base"])
    write_encoder(out / "models/open/en-base", english, SIZES["open/en-base"])
    write_teacher(out / "models/open/teacher", russian + english, SIZES["open/teacher"])
    from rosberta.frame.files import digest

    for name in SIZES:
        print(json.dumps({name: digest(out / "models" / name)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
