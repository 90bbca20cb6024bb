"""What a model lacks is never filled up in silence: each file that is missing or wrong is one line that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from miniature.models.tokens import unigram, write_tokenizer
from rosberta.embedding.embedder import Embedder
from rosberta.encoder.folder import load_sentence_transformer, weights_in
from rosberta.encoder.loading import check_table, load_tokenizer
from rosberta.encoder.vocabulary import extend, masked_lm
from rosberta.experiment.training import Pretrain
from rosberta.frame.mistakes import Mistake
from rosberta.training.masked_language import masking_of
from rosberta.training.masking import masked
from rosberta.training.token_store import tokenizer_of
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from tokenizers import Tokenizer, normalizers
from transformers import AutoConfig, AutoModel, AutoTokenizer

TYPES: dict[str, dict[str, Any]] = {
    "roberta": {},
    "bert": {},
    "xlm-roberta": {},
    "modernbert": {"num_hidden_layers": 2, "global_attn_every_n_layers": 2},
    "distilbert": {"dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 48},
}


@pytest.fixture
def roberta(tmp_path: Path) -> Path:
    return write_roberta(tmp_path / "model", [*RUSSIAN, *ENGLISH])


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the weights in a model's file."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def edit_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def of_type(kind: str, folder: Path) -> Path:
    """An encoder of another type, with the tokenizer of the folder."""
    config = AutoConfig.for_model(
        kind,
        **{
            "vocab_size": 400, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48,
            "num_hidden_layers": 2, "max_position_embeddings": 80, "pad_token_id": 1, "bos_token_id": 0,
            "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2, **TYPES[kind],
        },
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def embed(folder: Path) -> torch.Tensor:
    model = load_sentence_transformer(folder, "cls", 64).eval()
    return torch.from_numpy(model.encode([RUSSIAN[0], ENGLISH[1]], show_progress_bar=False))


@pytest.mark.parametrize("kind", TYPES)
def test_a_missing_weight_is_named_whatever_the_type(kind: str, roberta: Path) -> None:
    """Not filled with random numbers; a pooler, which nothing reads, may be missing."""
    of_type(kind, roberta)
    edit(roberta, lambda weights: [weights.pop(name) for name in list(weights) if name.startswith("pooler")])
    assert torch.isfinite(embed(roberta)).all()
    edit(roberta, lambda weights: [weights.pop(name) for name in list(weights) if ".1." in name and "attn" not in name])
    with pytest.raises(Mistake, match=r"the weights lack .*\.1\..*; the files are not those of the model in config"):
        embed(roberta)


def test_a_weight_of_another_shape_is_named(roberta: Path) -> None:
    edit_json(roberta / "config.json", intermediate_size=64)
    with pytest.raises(Mistake, match=r"the weights have another shape for encoder\.layer\.0\.intermediate"):
        embed(roberta)
    with pytest.raises(Mistake, match=r"base: the weights have another shape for"):
        masked_lm(roberta, "base")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_named(roberta: Path, value: float) -> None:
    """In what is evaluated, merged, and extended."""
    name = "roberta.encoder.layer.1.output.dense.weight"
    edit(roberta, lambda weights: weights[name][3].fill_(value))
    for load in (embed, weights_in, lambda folder: masked_lm(folder, "base")):
        with pytest.raises(Mistake, match=r"encoder\.layer\.1\.output\.dense\.weight holds NaN or infinity"):
            load(roberta)


def test_parts_of_weights_work_and_a_missing_part_is_named(roberta: Path) -> None:
    whole = embed(roberta)
    weights = load_file(roberta / "model.safetensors")
    (roberta / "model.safetensors").unlink()
    names, index = sorted(weights), {}
    for number in range(2):
        file = f"model-0000{number + 1}-of-00002.safetensors"
        save_file({name: weights[name] for name in names[number::2]}, roberta / file, {"format": "pt"})
        index |= dict.fromkeys(names[number::2], file)
    (roberta / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    torch.testing.assert_close(embed(roberta), whole)
    assert len(weights_in(roberta)) == len(weights)


def test_old_layouts_keep_their_transformer_in_a_folder(roberta: Path, tmp_path: Path) -> None:
    """As 0_Transformer; the guards look there."""
    expected = embed(roberta)
    old = tmp_path / "old"
    SentenceTransformer(modules=[Transformer(str(roberta)), Pooling(32, "cls")]).save(str(old))
    (old / "0_Transformer").mkdir()
    for file in [
        path for path in old.iterdir() if path.is_file() and not path.name.startswith(("modules", "config_s"))
    ]:
        file.rename(old / "0_Transformer" / file.name)
    modules = json.loads((old / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (old / "modules.json").write_text(json.dumps(modules))
    torch.testing.assert_close(torch.nn.functional.normalize(embed(old)), expected)
    edit(old / "0_Transformer", lambda weights: [weights.pop(name) for name in list(weights) if ".layer.1." in name])
    with pytest.raises(Mistake, match="the weights lack"):
        embed(old)


CODE = {
    "config.json": {"auto_map": {"AutoConfig": "own.C", "AutoModel": "own.M"}, "model_type": "own"},
    "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["own.T", None]}, "tokenizer_class": "OwnTokenizer"},
}


@pytest.mark.parametrize("file", [*CODE, "modules.json"])
def test_code_of_a_models_own_is_neither_run_nor_asked_about(
    file: str, roberta: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Even where it lies beside the model, and whatever is typed."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asks"))
    ran = tmp_path / "ran"
    (roberta / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")
    if file == "modules.json":
        (roberta / file).write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own.Model"}]))
    else:
        edit_json(roberta / file, **CODE[file])
    try:
        model = load_sentence_transformer(roberta, "cls", 64)
    except Mistake as mistake:
        assert "\n" not in str(mistake)
    else:  # a tokenizer's own class is passed over, and what the files say is taken
        ids = model.tokenizer(RUSSIAN[0])["input_ids"]
        assert ids == Tokenizer.from_file(str(roberta / "tokenizer.json")).encode(RUSSIAN[0]).ids
    assert not ran.exists()


@pytest.mark.parametrize("tokenizer_class", ["XLMRobertaTokenizer", "PreTrainedTokenizerFast", "RobertaTokenizer"])
def test_the_tokenizer_that_runs_is_the_one_in_the_files(tokenizer_class: str, roberta: Path) -> None:
    """Whatever the class would make of it: what is normalised, cut and joined as the file says."""
    path = roberta / "tokenizer.json"
    if tokenizer_class == "XLMRobertaTokenizer":
        write_tokenizer(unigram([*RUSSIAN, *ENGLISH], 300), roberta, tokenizer_class)
    filed = Tokenizer.from_file(str(path))
    filed.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("бук", "ква")])
    filed.save(str(path))
    edit_json(roberta / "tokenizer_config.json", tokenizer_class=tokenizer_class)
    texts = ["ﬁne ½ буквы", *RUSSIAN, *ENGLISH]
    expected = [filed.encode(text).ids for text in texts]
    model = load_sentence_transformer(roberta, "cls", 64)
    assert [load_tokenizer(roberta, "model")(text)["input_ids"] for text in texts] == expected
    assert [model.tokenizer(text)["input_ids"] for text in texts] == expected


def test_vocabulary_and_merges_alone_cut_as_tokenizer_json(roberta: Path) -> None:
    """As in ruRoberta-large, whose special tokens have other ids than RoBERTa's."""
    filed = Tokenizer.from_file(str(roberta / "tokenizer.json"))
    state = json.loads((roberta / "tokenizer.json").read_text())["model"]
    (roberta / "vocab.json").write_text(json.dumps(state["vocab"], ensure_ascii=False))
    merges = "\n".join(["#version: 0.2", *(" ".join(merge) for merge in state["merges"])])
    (roberta / "merges.txt").write_text(merges + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (roberta / name).unlink()
    loaded = load_tokenizer(roberta, "model")
    for text in [*RUSSIAN, *ENGLISH]:
        assert loaded(text)["input_ids"] == filed.encode(text).ids
    (roberta / "merges.txt").unlink()
    with pytest.raises(Mistake, match=r"vocab\.json alone is no tokenizer"):
        load_tokenizer(roberta, "model")


def test_a_head_that_is_missing_as_a_whole_is_initialised(roberta: Path) -> None:
    """The same each time, and said; a part of a head, and a missing layer, are faults."""
    whole, there = masked_lm(roberta, "base")
    assert there
    edit(roberta, lambda weights: [weights.pop(name) for name in list(weights) if name.startswith("lm_head")])
    first, there = masked_lm(roberta, "base")
    assert not there
    torch.manual_seed(99)
    second, _ = masked_lm(roberta, "base")
    states = first.state_dict(), second.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert all(
        torch.equal(weight, whole.state_dict()[name])
        for name, weight in first.roberta.state_dict(prefix="roberta.").items()
    )
    edit(roberta, lambda weights: weights.update({"lm_head.bias": torch.zeros(400)}))
    with pytest.raises(Mistake, match=r"base: the weights lack lm_head"):
        masked_lm(roberta, "base")


def test_a_base_of_another_family_is_refused(roberta: Path) -> None:
    """The merge back knows RoBERTa's layers by name, and would move nothing."""
    of_type("modernbert", roberta)
    with pytest.raises(Mistake, match="base: is a modernbert; choose a RoBERTa"):
        masked_lm(roberta, "base")


@pytest.mark.parametrize("tied", [(True, True), (True, False), (False, True), (False, False)])
def test_base_and_donor_tied_and_untied(tied: tuple[bool, bool], tmp_path: Path) -> None:
    """Each pair unites: new rows are the donor's, and what was tied stays tied."""
    models = []
    for number, ties in enumerate(tied):
        folder = write_roberta(tmp_path / f"{number}", RUSSIAN, seed=number)
        if not ties:
            edit_json(folder / "config.json", tie_word_embeddings=False)
            edit(folder, lambda weights: weights.update({"lm_head.decoder.weight": torch.randn(400, 32)}))
            edit(folder, lambda weights: weights.update({"lm_head.decoder.bias": weights["lm_head.bias"].clone()}))
        models.append(masked_lm(folder, "base")[0])
    base, donor = models
    extend(base, donor, 400, [5, 7])
    output, embeddings = base.get_output_embeddings(), base.get_input_embeddings()
    assert (output.weight is embeddings.weight) == tied[0]
    assert torch.equal(embeddings.weight[400:], donor.get_input_embeddings().weight[[5, 7]])
    assert torch.equal(output.bias[400:], donor.get_output_embeddings().bias[[5, 7]])
    if not tied[0]:
        assert torch.equal(output.weight[400:], donor.get_output_embeddings().weight[[5, 7]])


def test_a_token_without_a_row_is_refused(roberta: Path) -> None:
    """Two tokens more than the table has rows, in whatever is loaded; as many are well."""
    embed(roberta)
    tokenizer = load_tokenizer(roberta, "donor")
    check_table(masked_lm(roberta, "donor")[0], tokenizer, "donor")
    tokenizer.add_tokens(["слово", "другое"])
    tokenizer.save_pretrained(roberta)
    with pytest.raises(Mistake, match="its tokenizer has the id 401, its embeddings 400 rows"):
        embed(roberta)
    with pytest.raises(Mistake, match="donor: its tokenizer has the id 401, its embeddings 400 rows"):
        check_table(masked_lm(roberta, "donor")[0], load_tokenizer(roberta, "donor"), "donor")


LITERAL = ["мост <s> река", "мост</s>река", "a <mask> b", "мост <pad> река</s>", " <unk>x", "[MASK] [CLS]"]


def test_names_of_special_tokens_in_a_text_are_these_tokens_everywhere(roberta: Path) -> None:
    """As transformers and sentence-transformers have it, in training and evaluation alike; none is ever masked."""
    reference = AutoTokenizer.from_pretrained(roberta)(LITERAL)["input_ids"]
    assert any(0 in ids[1:] for ids in reference)
    model = load_sentence_transformer(roberta, "cls", 64).eval()
    assert model.tokenizer(LITERAL)["input_ids"] == reference
    trained = tokenizer_of(roberta, 64)
    assert [encoding.ids for encoding in trained.encode_batch(LITERAL)] == reference
    ours = Embedder(model, revision="0").embed(LITERAL)
    torch.testing.assert_close(torch.from_numpy(ours), torch.from_numpy(model.encode(LITERAL)), atol=1e-6, rtol=0)
    masking = masking_of(trained, Pretrain(), "model")._replace(probability=1.0)
    ids = np.concatenate([np.array(each, np.int32) for each in reference])
    starts = np.cumsum([0, *map(len, reference)])
    _, chosen = masked(ids, starts, np.arange(len(reference), dtype=np.uint64), masking)
    assert set(chosen.tolist()) == set(np.flatnonzero(ids > 4).tolist())


def test_lower_case_is_kept_beside_the_normaliser_of_the_files(roberta: Path) -> None:
    SentenceTransformer(modules=[Transformer(str(roberta)), Pooling(32, "cls")]).save(str(roberta))
    edit_json(roberta / "sentence_bert_config.json", do_lower_case=True)
    filed = Tokenizer.from_file(str(roberta / "tokenizer.json"))
    filed.normalizer = normalizers.Replace("бук", "ква")
    filed.save(str(roberta / "tokenizer.json"))
    cut = load_sentence_transformer(roberta, "cls", 64).tokenizer
    assert cut("БУКвы")["input_ids"] == filed.encode("буквы").ids
    assert AutoTokenizer.from_pretrained(roberta)("да")["input_ids"] == cut("ДА")["input_ids"]
