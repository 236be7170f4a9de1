"""The student's network in torch: what it starts from, and that padding changes nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from guard.detectors.toxicity import network
from guard.errors import SettingsError
from tests.tiny_bert import write_bert


@pytest.fixture
def weights(tmp_path: Path) -> Any:
    write_bert(tmp_path)
    return network.start_from(tmp_path / "model.safetensors", layers=2, outputs=7, seed=1)


def test_a_start_takes_as_many_layers_as_asked(tmp_path: Path) -> None:
    write_bert(tmp_path)
    file = tmp_path / "model.safetensors"
    one = network.start_from(file, layers=1, outputs=7, seed=1)
    assert network.layers_of(one) == 1
    given = network.read_safetensors(file)
    key = given["encoder.layer.0.attention.self.key.weight"]
    width = key.shape[0]
    assert np.array_equal(one["0.qkv.weight"][width : 2 * width].numpy(), key)
    with pytest.raises(SettingsError, match="at least 3 layers"):
        network.start_from(file, layers=3, outputs=7, seed=1)


def test_padding_changes_nothing(weights: Any) -> None:
    ids = torch.tensor([[2, 5, 6, 3]])
    alone = network.logits(weights, ids, torch.ones_like(ids, dtype=torch.bool))
    padded = torch.tensor([[2, 5, 6, 3, 0, 0], [2, 7, 8, 9, 5, 3]])
    both = network.logits(weights, padded, padded != 0)
    assert torch.allclose(alone[0], both[0], atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_the_place_of_a_word_counts(weights: Any) -> None:
    ids = torch.tensor([[2, 5, 6, 3], [2, 6, 5, 3]])
    found = network.logits(weights, ids, torch.ones_like(ids, dtype=torch.bool))
    assert not torch.allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", (2).to_bytes(8, "little") + b"[]", json.dumps({"a": 1}).encode()],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="no weights in the safetensors format"):
        network.read_safetensors(file)
