"""A Detoxify checkpoint of one small layer, drawn by chance, with what must lie beside it."""

import json
from pathlib import Path

CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789.!"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{x}" for x in LETTERS)]


def write_checkpoint(folder: Path) -> Path:
    """Writes `own.ckpt`, `config.json` and the tokenizer's files."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=len(CLASSES),
        initializer_range=0.5,
    )
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
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
