"""A Detoxify checkpoint drawn by chance, with what must lie beside it: of one small layer, or of
any shape that is asked for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789.!"]
SMALL = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "initializer_range": 0.5,
}  # fmt: skip
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{x}" for x in LETTERS)]


def write_checkpoint(
    folder: Path, *, words: Sequence[str] = WORDS, shape: dict[str, Any] = SMALL
) -> Path:
    """Writes `own.ckpt`, `config.json` and the tokenizer's files."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(words), num_labels=len(CLASSES), **shape)
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512}))
    arch = {
        "model_type": "bert-base-uncased",  # what published ones say: a name to look up online
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(CLASSES),
    }
    kept = {
        "config": {"dataset": {"args": {"classes": CLASSES}}, "arch": {"args": arch}},
        "state_dict": transformers.BertForSequenceClassification(config).state_dict(),
    }
    torch.save(kept, folder / "own.ckpt")
    return folder / "own.ckpt"
