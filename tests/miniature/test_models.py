"""The miniature's models load whole, their tokenizers lose nothing, and the teacher ranks by meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from miniature.world import texts
from miniature.world.world import World

BASE, DONOR, TEACHER = "ai-forever/ruRoberta-large", "FacebookAI/roberta-large", "intfloat/multilingual-e5-small"


@pytest.mark.parametrize(("id", "text", "pad"), [
    (BASE, "Варногорск стоит на берегу реки Полемы, ёлка 😀!", 0),
    (DONOR, "The Polema River flows through Varnogorsk — isn't it?", 1),
    (TEACHER, "Город Варногорск стоит на реке. The river flows.", 1),
])  # fmt: skip
def test_tokenizers_round_trip(hub: Path, id: str, text: str, pad: int) -> None:
    """What is encoded decodes to itself between the special tokens, and pads as the model's repository says."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(hub / "models" / id)
    ids = tokenizer(text)["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.pad_token_id == pad
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer.model_max_length == 512


def test_models_load_with_all_of_their_weights(hub: Path) -> None:
    """Every weight is found and used, and the two RoBERTas have one shape and different tokens."""
    from transformers import AutoModel, AutoModelForMaskedLM

    loaded = {}
    for id in (BASE, DONOR):
        model, info = AutoModelForMaskedLM.from_pretrained(hub / "models" / id, output_loading_info=True)
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        loaded[id] = model
    base, donor = loaded[BASE].config, loaded[DONOR].config
    assert (base.hidden_size, base.num_hidden_layers) == (donor.hidden_size, donor.num_hidden_layers) == (64, 2)
    assert (base.max_position_embeddings, base.pad_token_id, donor.pad_token_id) == (514, 0, 1)
    tokens = [loaded[id].get_input_embeddings().weight.detach()[100:1000] for id in (BASE, DONOR)]
    assert not (tokens[0] == tokens[1]).all(dim=1).any()
    _, info = AutoModel.from_pretrained(hub / "models" / TEACHER, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]


def test_the_tokenizers_files_agree(hub: Path) -> None:
    """vocab.json and merges.txt say the same as tokenizer.json, as extending the vocabulary supposes."""
    for id, mask in ((BASE, 4), (DONOR, 1499)):
        folder = hub / "models" / id
        model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        assert vocabulary == model["vocab"]
        assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
        assert vocabulary["<mask>"] == mask
        merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        assert merges == [" ".join(merge) for merge in model["merges"]]


def test_the_teacher_ranks_by_meaning(hub: Path, world: World) -> None:
    """On things it never saw it finds paraphrases, translations and answering passages far better than chance."""
    from sentence_transformers import SentenceTransformer

    teacher = SentenceTransformer(str(hub / "models" / TEACHER), device="cpu")
    assert [type(module).__name__ for module in teacher] == ["Transformer", "Pooling", "Normalize"]

    def found(queries: list[str], documents: list[str]) -> float:
        """Share of queries whose document is among the best five of a hundred."""
        asked = teacher.encode([f"query: {text}" for text in queries])
        scores = asked @ teacher.encode([f"passage: {text}" for text in documents]).T
        return float(((scores > scores.diagonal()[:, None]).sum(axis=1) < 5).mean())

    facts = world.facts("test")[:100]
    passages = [texts.passage(world, entity) for entity in world.entities("test")[::4][:100]]
    assert found([texts.statement(fact, 0).ru for fact in facts], [texts.statement(fact, 1).ru for fact in facts]) > 0.9
    assert found([texts.statement(fact, 0).ru for fact in facts], [texts.statement(fact, 0).en for fact in facts]) > 0.6
    assert found([texts.question(each.facts[0]).ru for each in passages], [each.ru for each in passages]) > 0.6
