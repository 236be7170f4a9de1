"""A BERT of two small layers and few words, drawn by chance: the student's tests start from it."""

import json
from pathlib import Path

import numpy as np

WIDTH, INNER, LAYERS, PLACES = 24, 48, 2, 512
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def write_bert(folder: Path, words: list[str] | None = None) -> Path:
    """Writes `model.safetensors` and `tokenizer.json`, as MiniLM's package has them."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing

    vocabulary = {word: at for at, word in enumerate([*WORDS, *(words or [])])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(16)  # as the real one has: training must take it off
    tokenizer.save(str(folder / "tokenizer.json"))

    chance = np.random.default_rng(3)
    arrays = {
        "embeddings.word_embeddings.weight": (len(vocabulary), WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        of = f"encoder.layer.{layer}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            arrays[f"{of}attention.{name}.weight"] = (WIDTH, WIDTH)
            arrays[f"{of}attention.{name}.bias"] = (WIDTH,)
        arrays[f"{of}intermediate.dense.weight"] = (INNER, WIDTH)
        arrays[f"{of}intermediate.dense.bias"] = (INNER,)
        arrays[f"{of}output.dense.weight"] = (WIDTH, INNER)
        arrays[f"{of}output.dense.bias"] = (WIDTH,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            arrays[f"{of}{name}.weight"] = (WIDTH,)
            arrays[f"{of}{name}.bias"] = (WIDTH,)
    head, body = {}, b""
    for name, shape in arrays.items():
        ones = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        spread = 1.0 if "word" in name else 0.1  # a word tells more than its place
        raw = (chance.normal(0, spread, shape) + ones).astype("<f4").tobytes()
        offsets = [len(body), len(body) + len(raw)]
        head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
        body += raw
    text = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)
    return folder
