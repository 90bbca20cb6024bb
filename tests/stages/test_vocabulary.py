"""Stage `vocabulary`: the base stays what it was, and what is added is the donor's."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature.models.tokens import unigram, write_tokenizer
from rosberta.encoder.folder import weights_in
from rosberta.encoder.vocabulary import reachable, unite
from rosberta.frame.artifacts import VOCABULARY
from rosberta.frame.files import digest, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.stages import vocabulary
from rosberta.stages.vocabulary import run
from support.encoders import ENGLISH, RUSSIAN, bert, write_roberta
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

MODELS = {
    # Special tokens in another order than the donor's, so that ids cannot be taken for equal.
    "base": {"texts": RUSSIAN, "first": ("<pad>", "<s>", "</s>", "<unk>", "<mask>"), "seed": 1},
    "donor": {"texts": ENGLISH, "seed": 2},
    "narrow": {"texts": ENGLISH, "hidden": 16},
}
RUSSIAN_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models, and the artifacts of two encoders: base with donor, base with itself."""
    root = tmp_path_factory.mktemp("vocabulary")
    for name, options in MODELS.items():
        write_roberta(root / name, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(vocabulary, "fetch", lambda kind, id: root / id)
        for key in ("extended", "same"):
            run(EXPERIMENT, key)
    return root


EXPERIMENT: Any = SimpleNamespace(
    encoders={
        "extended": SimpleNamespace(base="base", donor="donor"),
        "same": SimpleNamespace(base="base", donor="base"),
        "misfit": SimpleNamespace(base="base", donor="narrow"),
    }
)


def cutters(root: Path) -> dict[str, Tokenizer]:
    return {
        name: Tokenizer.from_file(str(folder / "tokenizer.json"))
        for name, folder in {
            "base": root / "base",
            "donor": root / "donor",
            "union": root / VOCABULARY / "extended",
        }.items()
    }


def weights(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings, and bias of the output."""
    model = AutoModelForMaskedLM.from_pretrained(folder)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight, "no longer tied"
    return model.get_input_embeddings().weight.detach(), model.get_output_embeddings().bias.detach()


def test_base_keeps_ids_and_embeddings(built: Path) -> None:
    """Every id of the base names the token that it named, with the same embedding and bias, bit by bit."""
    cut = cutters(built)
    size = cut["base"].get_vocab_size()
    assert [cut["union"].id_to_token(id) for id in range(size)] == [cut["base"].id_to_token(id) for id in range(size)]
    for before, after in zip(weights(built / "base"), weights(built / VOCABULARY / "extended"), strict=True):
        assert torch.equal(after[:size], before)


def test_added_tokens_are_the_donors(built: Path) -> None:
    """After the base come the donor's other tokens in the donor's order, with the donor's embeddings and biases."""
    cut = cutters(built)
    size = cut["base"].get_vocab_size()
    added = [cut["union"].id_to_token(id) for id in range(size, cut["union"].get_vocab_size())]
    ids = [cut["donor"].token_to_id(token) for token in added]
    assert ids == sorted(ids)
    assert set(added) == set(cut["donor"].get_vocab()) - set(cut["base"].get_vocab())
    assert not any(token.startswith("<") and token.endswith(">") and len(token) > 1 for token in added)
    for donor, after in zip(weights(built / "donor"), weights(built / VOCABULARY / "extended"), strict=True):
        assert after.shape[0] == size + len(added)
        assert torch.equal(after[size:], donor[ids])


def test_the_rest_of_the_model_is_the_bases(built: Path) -> None:
    """No weight but embeddings and bias changes, and the model predicts the base's tokens as before."""
    before = AutoModelForMaskedLM.from_pretrained(built / "base").eval()
    after = AutoModelForMaskedLM.from_pretrained(built / VOCABULARY / "extended").eval()
    states = before.state_dict(), after.state_dict()
    assert states[0].keys() == states[1].keys()
    changed = {name for name in states[0] if not torch.equal(states[0][name], states[1][name][: len(states[0][name])])}
    assert changed == set()
    ids = torch.tensor([cutters(built)["base"].encode(RUSSIAN[0]).ids])
    torch.testing.assert_close(after(ids).logits[..., : before.config.vocab_size], before(ids).logits)


def test_donor_equal_to_base_adds_nothing(built: Path) -> None:
    """An encoder that is its own donor has the same weights and cuts the same."""
    folder = built / VOCABULARY / "same"
    assert read_json(folder / "vocabulary.json")["added"] == 0
    before, after = (AutoModelForMaskedLM.from_pretrained(each).state_dict() for each in (built / "base", folder))
    assert all(torch.equal(before[name], after[name]) for name in before)
    states = [json.loads((each / "tokenizer.json").read_text())["model"] for each in (built / "base", folder)]
    assert states[0]["vocab"] == states[1]["vocab"]
    assert states[0]["merges"] == states[1]["merges"]


def test_a_bert_with_a_unigram_tokenizer_may_be_its_own_donor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As multilingual-e5-small, which has no head either; the encoder and what its tokenizer does stay as they are."""
    base = tmp_path / "base"
    bert(64).base_model.save_pretrained(base)
    write_tokenizer(unigram([*RUSSIAN, *ENGLISH], 400), base, "PreTrainedTokenizer")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vocabulary, "fetch", lambda kind, id: tmp_path / id)
    run(EXPERIMENT, "same")
    folder = VOCABULARY / "same"
    assert read_json(folder / "vocabulary.json") == {
        "base": 400, "donor": 400, "shared": 400, "added": 0, "base_merges": 0, "added_merges": 0, "reachable": 0,
        "head": "initialised",
    }  # fmt: skip
    before, after = weights_in(base), weights_in(folder)
    assert all(torch.equal(before[name], after[name]) for name in before if not name.startswith("pooler."))
    filed, cut = Tokenizer.from_file(str(base / "tokenizer.json")), AutoTokenizer.from_pretrained(folder)
    assert all(cut(text)["input_ids"] == filed.encode(text).ids for text in ("ﬁne  ½", *RUSSIAN, *ENGLISH))
    write_roberta(tmp_path / "donor", ENGLISH)
    with pytest.raises(Mistake, match=r"base \(base\): its tokenizer is no byte-level BPE \(Unigram\)"):
        run(EXPERIMENT, "extended")


@given(st.text(RUSSIAN_LETTERS + " ", max_size=60))
def test_russian_is_cut_as_before(built: Path, text: str) -> None:
    """The donor has no merge of Cyrillic, so Russian text has the same ids with it as without."""
    cut = cutters(built)
    assert cut["union"].encode(text).ids == cut["base"].encode(text).ids


def test_english_is_cut_into_fewer(built: Path) -> None:
    """What the donor's merges are for: English takes as many tokens as with the donor, or nearly, not as many bytes."""
    cut = cutters(built)
    length = {name: sum(len(cut[name].encode(text).ids) for text in ENGLISH) for name in cut}
    assert length["donor"] <= length["union"] < 0.7 * length["base"]


@given(st.text())
def test_nothing_is_lost(built: Path, text: str) -> None:
    """Any text comes back from its ids, and none of its tokens is unknown."""
    union = cutters(built)["union"]
    # The special tokens' own spellings are what they are, not text; none comes up here by chance.
    ids = union.encode(text, add_special_tokens=False).ids
    assert union.decode(ids, skip_special_tokens=False) == text
    assert union.token_to_id("<unk>") not in ids


def test_counts_are_true(built: Path) -> None:
    """``vocabulary.json`` counts what the files hold, and `reachable` what cuts to itself."""
    cut = cutters(built)
    folder = built / VOCABULARY / "extended"
    counts = read_json(folder / "vocabulary.json")
    vocabularies = {name: set(cut[name].get_vocab()) for name in cut}
    assert counts["base"] == len(vocabularies["base"])
    assert counts["donor"] == len(vocabularies["donor"])
    assert counts["shared"] == len(vocabularies["base"] & vocabularies["donor"])
    assert counts["added"] == len(vocabularies["union"]) - len(vocabularies["base"]) > 0
    added = sorted(vocabularies["union"] - vocabularies["base"])
    assert counts["reachable"] == reachable(folder, added)
    # Text that is one token of the donor's, and that alone, is one token of the union's.
    whole = [cut["donor"].decode([cut["donor"].token_to_id(token)]) for token in added]
    single = [text for text in whole if len(cut["union"].encode(text, add_special_tokens=False).ids) == 1]
    assert len(single) == counts["reachable"]


def test_transformers_cuts_as_the_file_says(built: Path) -> None:
    """The tokenizer that AutoTokenizer loads adds the base's special tokens and knows the mask."""
    loaded = AutoTokenizer.from_pretrained(built / VOCABULARY / "extended")
    text = f"{RUSSIAN[1]} {ENGLISH[1]}"
    assert loaded(text)["input_ids"] == cutters(built)["union"].encode(text).ids
    assert loaded(text)["input_ids"][0] == loaded.cls_token_id == 1
    assert loaded(f"да {loaded.mask_token}")["input_ids"].count(loaded.mask_token_id) == 1
    assert len(loaded) == cutters(built)["union"].get_vocab_size()


def test_equal_bytes_twice(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built again elsewhere, every file has the same bytes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vocabulary, "fetch", lambda kind, id: built / id)
    run(EXPERIMENT, "extended")
    assert digest(tmp_path / VOCABULARY / "extended") == digest(built / VOCABULARY / "extended")


def test_hole_and_added_token_outside_the_vocabulary() -> None:
    """A base's added token that its BPE does not list keeps its id, though the vocabulary grows."""
    base = {
        "added_tokens": [{"id": 3, "content": "<mask>"}],
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
    }
    donor = {
        "added_tokens": [{"id": 0, "content": "<pad>"}],
        "model": {
            "type": "BPE",
            "vocab": {"<pad>": 0, "c": 1, "a": 2, "b": 3, "ab": 4, "abc": 5, "d": 6, "cd": 7},
            "merges": [["a", "b"], ["ab", "c"], ["c", "d"], ["x", "d"], ["a", "d"]],
        },
    }
    union = unite(base, donor)
    assert union.state["model"]["vocab"] == {"a": 0, "b": 1, "ab": 2, "<mask>": 3, "c": 4, "abc": 5, "d": 6, "cd": 7}
    assert union.state["model"]["merges"] == [("a", "b"), ("ab", "c"), ("c", "d")]
    assert (union.first, union.donor_ids) == (4, [1, 5, 6, 7])


def test_misfits_are_mistakes(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A donor of another width, and a model without safetensors, are one clear line, and leave nothing behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vocabulary, "fetch", lambda kind, id: built / id)
    with pytest.raises(Mistake, match=r"encoders\.misfit\.donor: narrow is 16 wide, its base base 32"):
        run(EXPERIMENT, "misfit")
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in (built / "donor").glob("*.json"):
        (bare / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(vocabulary, "fetch", lambda kind, id: bare if id == "donor" else built / id)
    with pytest.raises(Mistake, match=r"encoders\.extended\.donor \(donor\): no weights"):
        run(EXPERIMENT, "extended")
    assert not (tmp_path / VOCABULARY).exists() or not list((tmp_path / VOCABULARY).iterdir())
