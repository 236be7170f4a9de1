"""Export: the file scores as the model does, says how far off it is, and needs no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from guard.detectors.toxicity.export import export
from guard.detectors.toxicity.loading import load_engine
from guard.errors import SettingsError
from tests.tiny_detoxify import write_checkpoint

TEXTS = ["", "some words", "w " * 400, "\ud800 😀", "zzz qqq"]


def test_scores_are_the_same_within_a_hundred_thousandth(tmp_path: Path) -> None:
    name = f"detoxify:{write_checkpoint(tmp_path)}"
    told = export(name, tmp_path / "new" / "model.onnx", int8=False)
    engine, original = load_engine(f"detoxify-onnx:{tmp_path}/new/model.onnx"), load_engine(name)
    assert engine.name == "detoxify-onnx:model.onnx"
    assert engine.categories == original.categories
    assert np.abs(engine.score(TEXTS) - original.score(TEXTS)).max() < 1e-5
    assert told["largest_difference"] < 1e-5
    assert told["bytes"] == (tmp_path / "new" / "model.onnx").stat().st_size


def test_eight_bits_are_smaller_and_their_difference_is_told(tmp_path: Path) -> None:
    name = f"detoxify:{write_checkpoint(tmp_path)}"
    plain = export(name, tmp_path / "plain.onnx", int8=False)
    small = export(name, tmp_path / "small.onnx", int8=True)
    assert small["bytes"] < plain["bytes"]
    assert plain["largest_difference"] < small["largest_difference"] < 0.1


def test_the_file_is_run_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    export(f"detoxify:{write_checkpoint(tmp_path)}", file, int8=True)
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None, detoxify=None)\n"
        "from guard.detectors.toxicity.loading import load_engine\n"
        f"print(load_engine('detoxify-onnx:{file}').score(['words']).shape)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 6)\n"


def test_other_engines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'compact' is no Detoxify model"):
        export("compact", tmp_path / "model.onnx", int8=True)
