"""Files that no export wrote are refused; what one wrote is tried in the tests of export."""

from pathlib import Path

import pytest

from guard.detectors.toxicity.loading import load_engine
from guard.detectors.toxicity.student import WEIGHTS
from guard.errors import SettingsError


@pytest.mark.parametrize("content", [None, b"", b"not a model", WEIGHTS.read_bytes()])
def test_other_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "model.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="no model that `guard models export` wrote"):
        load_engine(f"detoxify-onnx:{file}")
