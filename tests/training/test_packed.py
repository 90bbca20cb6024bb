"""Texts one behind another through an encoder end as in transformers' own padded forward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.experiment.training import Contrast
from rosberta.training.packed import prepared, row_of, states_of
from rosberta.training.token_store import tokenizer_of
from support.encoders import ENGLISH, RUSSIAN, bert, write_roberta
from torch import nn
from transformers import AutoModel

LENGTH = 40
TEXTS = [*RUSSIAN, *ENGLISH, "Да.", "слово " * 40]
BOTH = pytest.mark.parametrize("kind", ["roberta", "bert"])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


def test_padding_of_the_encoder_and_not_of_the_tokenizer(tmp_path: Path) -> None:
    """Positions are counted as transformers does, from the configuration's padding, whatever the tokenizer's is."""
    folder = write_roberta(tmp_path / "tiny", [*RUSSIAN, *ENGLISH], first=("<s>", "<unk>", "</s>", "<mask>", "<pad>"))
    config = json.loads((folder / "config.json").read_text())
    assert config["pad_token_id"] == 4
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": 2}))
    tokenizer = tokenizer_of(folder, LENGTH)
    texts = [np.array(tokenizer.encode(text).ids, np.int32) for text in TEXTS]
    assert all((text == 2).any() for text in texts), "texts spell out what the encoder takes for padding"
    assert_states_are_transformers(AutoModel.from_pretrained(folder, add_pooling_layer=False), texts, filler=4)


@BOTH
def test_states_are_transformers(encoder: Path, kind: str) -> None:
    """The packed states of texts of many lengths are those of transformers' own padded forward."""
    tokenizer = tokenizer_of(encoder, LENGTH)
    texts = [np.array(tokenizer.encode(text).ids, np.int32) for text in TEXTS]
    model = AutoModel.from_pretrained(encoder, add_pooling_layer=False) if kind == "roberta" else bert(LENGTH).bert
    assert_states_are_transformers(model, texts, filler=model.config.pad_token_id)


def assert_states_are_transformers(model: Any, texts: list[np.ndarray], filler: int) -> None:
    model.eval()
    ids = [torch.from_numpy(text.astype(np.int64)) for text in texts]
    batch = nn.utils.rnn.pad_sequence(ids, True, filler)
    mask = nn.utils.rnn.pad_sequence([torch.ones_like(each) for each in ids], True, 0)
    with torch.no_grad():
        expected = model(input_ids=batch, attention_mask=mask).last_hidden_state[mask.bool()]
        found = states_of(model, row_of(prepared(model, Contrast()), texts), Contrast())
    assert found.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@BOTH
def test_dropout_reaches_the_modules(encoder: Path, kind: str) -> None:
    """Of hidden states and of attention each module has what the parameters say; null leaves the base's own."""

    def dropouts(**changes: Any) -> tuple[set[float], set[float]]:
        model = AutoModel.from_pretrained(encoder, add_pooling_layer=False) if kind == "roberta" else bert(LENGTH).bert
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.5
        prepared(model, Contrast(**changes))
        of_attention = [layer.attention.self.dropout for layer in model.encoder.layer]
        others = [
            module
            for module in model.modules()
            if isinstance(module, nn.Dropout) and not any(module is each for each in of_attention)
        ]
        assert len(others) == 1 + 2 * len(of_attention)
        return {module.p for module in of_attention}, {module.p for module in others}

    assert dropouts() == ({0.0}, {0.5})
    assert dropouts(attention_dropout=0.3, dropout=0.0) == ({0.3}, {0.0})
    assert dropouts(attention_dropout=0.1, dropout=0.2) == ({0.1}, {0.2})
