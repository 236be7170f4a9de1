"""A Detoxify model as an ONNX file: run by onnxruntime, without torch.

`guard models export` writes the file, words and classes included; here it is given the form of the
package's own class, so that the same engine reads texts with either.

Rule of the file: one text at a time on one core, as the server works.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from guard.errors import SettingsError


class OnnxModel:
    """What the engine uses of `detoxify.Detoxify`: `class_names`, `tokenizer` and `predict`."""

    def __init__(self, file: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is raised
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
            told = self._session.get_modelmeta().custom_metadata_map
            self.class_names: list[str] = json.loads(told["classes"])
            self._tokenizer = Tokenizer.from_str(told["tokenizer"])
        except Exception as error:  # onnxruntime's own have no common parent
            raise SettingsError(
                f"{file}: no model that `guard models export` wrote; write it with that"
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokenizer(self, text: str) -> dict[str, list[int]]:
        """The text as the model reads it."""
        return {"input_ids": self._tokenizer.encode(text).ids}

    def predict(self, text: str) -> dict[str, float]:
        """The probability of each class."""
        ids = np.array([self.tokenizer(text)["input_ids"]], np.int64)
        logits: Any = self._session.run(None, {"ids": ids})[0][0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        return dict(zip(self.class_names, scores.tolist(), strict=True))
