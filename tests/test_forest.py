"""A forest learns what it can, keeps to the signs, and says the same when it is read again."""

from pathlib import Path
from typing import Any

import numpy as np

from guard.detectors.grounding.forest import Forest, grow, load, loss_of_strongest


def grown(signs: tuple[int, ...]) -> tuple[Forest, Any, Any]:
    chance = np.random.default_rng(1)
    rows = chance.random((2_000, 3)).astype(np.float32)
    truth = (rows[:, 0] > 0.5).astype(float)
    every = list(range(len(rows)))
    loss = loss_of_strongest(
        every, truth, np.ones(len(rows)), beside=np.zeros(len(rows)), sharpness=3.0
    )
    forest = grow(rows, loss, trees=30, levels=2, rate=0.3, seed=2, signs=signs)
    return forest, rows, truth


def test_it_learns_and_is_the_same_each_time(tmp_path: Path) -> None:
    forest, rows, truth = grown((0, 0, 0))
    odds = forest.score(rows)
    assert ((odds > 0) == (truth == 1)).mean() > 0.97
    again, _, _ = grown((0, 0, 0))
    assert np.array_equal(odds, again.score(rows))
    forest.save(tmp_path / "forest.npz")
    assert np.allclose(load(tmp_path / "forest.npz").score(rows), odds, atol=0.02)


def test_a_sign_forbids_what_goes_the_other_way() -> None:
    forest, rows, _ = grown((-1, 0, 0))
    low, high = rows.copy(), rows.copy()
    low[:, 0], high[:, 0] = 0.1, 0.9
    assert (forest.score(high) <= forest.score(low) + 1e-6).all()


def test_an_answer_is_as_bad_as_its_worst_passage() -> None:
    owner = [0, 0, 1]
    loss = loss_of_strongest(
        owner, np.array([1.0, 0.0]), np.ones(2), beside=np.zeros(3), sharpness=3.0
    )
    first, second = loss(np.array([2.0, -2.0, 0.0]))
    assert first[0] < first[1] < 0 < first[2]  # the strongest of a bad answer is pushed most
    assert (second > 0).all()


def test_what_other_findings_say_already_need_not_be_learnt() -> None:
    truth, weight = np.array([1.0, 1.0]), np.ones(2)
    loss = loss_of_strongest([0, 1], truth, weight, beside=np.array([0.0, 0.9]), sharpness=3.0)
    first, _ = loss(np.array([-1.0, -1.0]))
    assert first[0] < first[1] < 0
