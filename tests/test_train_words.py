"""The table of words is made from a folder of MiniLM; here from a tiny one of random weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from guard.detectors.grounding import train_words
from guard.detectors.grounding.vectors import DIMENSIONS


def test_it_writes_no_word_but_their_checksums(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    words = ["harbour", *(f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(200))]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    model = tmp_path / "model"
    model.mkdir()
    (model / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizerFast(str(model / "vocab.txt")).save_pretrained(model)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=128, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(model)
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"context": "the harbour", "answer": "harbour"}) + "\n")
    told = train_words.train_words(data, tmp_path / "words.npz", model=model)
    assert told["words"] == len(words)
    assert b"harbour" not in (tmp_path / "words.npz").read_bytes()
    with np.load(tmp_path / "words.npz") as made:
        assert made["vectors"].shape == (len(words), DIMENSIONS)
        assert made["rarity"].min() < made["rarity"].max()
