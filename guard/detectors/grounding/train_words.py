"""Makes `words.npz`: for each of some 40,000 English words a short vector and how rare it is.

Rules of the file: a vector is what MiniLM says of the word alone, in fewer dimensions and eight
bits; rarity is counted over the shared texts. Words are kept as a checksum: the file holds no text.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guard.detectors.grounding.train_support import default_data
from guard.detectors.grounding.vectors import DIMENSIONS, RARITY_STEP, UNKNOWN_RARITY
from guard.detectors.grounding.words import WORD
from guard.detectors.toxicity.train_student import minilm
from guard.evaluate import rows_of_file

SEEN_LEAST = 4  # texts with the word: a rarer one is no word of the language, but a name
_BATCH_WORDS = 256
_PLAIN = re.compile(r"[a-z]{2,24}")


def train_words(data: Path | None, output: Path, *, model: Path | None = None) -> dict[str, Any]:
    """Writes the file; `model` is the folder of MiniLM. Needs torch and transformers."""
    model = model or minilm()
    data = data or default_data()
    seen: Counter[str] = Counter()
    texts = 0
    for text in _distinct_texts(data):
        texts += 1
        seen.update(set(WORD.findall(text.lower())))
    lines = (model / "vocab.txt").read_text("utf-8").splitlines()
    words = {word for word in lines if _PLAIN.fullmatch(word)}
    words |= {word for word, n in seen.items() if n >= SEEN_LEAST and _PLAIN.fullmatch(word)}
    ordered = sorted(words)
    vectors = _shortened(_vectors(model, ordered))
    rarity = np.array([np.log(texts / (seen[word] + 0.5)) for word in ordered])
    rarity = np.clip(rarity, 0, UNKNOWN_RARITY)
    np.savez_compressed(
        output,
        names=np.array([zlib.crc32(word.encode()) for word in ordered], np.uint32),
        rarity=np.round(rarity / RARITY_STEP).astype(np.uint8),
        vectors=np.round(vectors * 127).astype(np.int8),
    )
    return {"words": len(ordered), "texts": texts, "bytes": output.stat().st_size}


def _distinct_texts(data: Path) -> set[str]:
    found: set[str] = set()
    for _, row in rows_of_file(data):
        found.update(filter(None, (row.get("context"), row.get("answer"))))
    return found


def _vectors(model: Path, words: Sequence[str]) -> NDArray[np.float32]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(model))
    network = AutoModel.from_pretrained(str(model)).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(words), _BATCH_WORDS):
            some = list(words[start : start + _BATCH_WORDS])
            batch = tokenizer(some, padding=True, return_tensors="pt")
            states = network(**batch).last_hidden_state
            there = batch["attention_mask"][..., None]
            parts.append(((states * there).sum(1) / there.sum(1)).numpy())
    return np.asarray(np.concatenate(parts), np.float32)


def _shortened(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first principal components, each vector of length one."""
    vectors = vectors - vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(vectors, full_matrices=False)
    short = left[:, :DIMENSIONS] * values[:DIMENSIONS]
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    return np.asarray(short, np.float32)
