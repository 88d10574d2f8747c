"""The probes of general knowledge: they measure what they say, and never the image itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.evaluate import general_probes
from edgefit.evaluate.general_probes import kept_share, linear_votes, neighbour_votes
from edgefit.records.figures import Figure


def clusters(
    spread: float, *, classes: int = 4, images: int = 15, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features around a centre a class, and their classes, shuffled."""
    rng = np.random.default_rng(seed)
    targets = rng.permutation(np.repeat(np.arange(classes), images))
    centres = rng.normal(size=(classes, 32))
    features = centres[targets] + spread * rng.normal(size=(len(targets), 32))
    return features.astype(np.float32), targets


def accuracy(votes_NC: NDArray[np.float64], targets_N: NDArray[np.int64]) -> float:
    return float((votes_NC.argmax(axis=1) == targets_N).mean())


class TestNeighbours:
    def test_clusters_are_named_right_and_noise_is_not(self) -> None:
        features, targets = clusters(0.1)
        assert accuracy(neighbour_votes(features, targets, 4, 5), targets) == 1
        noise = np.random.default_rng(1).normal(size=features.shape).astype(np.float32)
        assert accuracy(neighbour_votes(noise, targets, 4, 5), targets) < 0.5

    def test_the_image_itself_has_no_vote(self) -> None:
        features, targets = clusters(0.0, classes=3, images=1)
        votes = neighbour_votes(features, targets, 3, 10)
        assert (votes[np.arange(3), targets] == 0).all()
        np.testing.assert_allclose(votes.sum(axis=1), 1)

    def test_it_agrees_with_the_definition(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(general_probes, "_ROWS_AT_ONCE", 7)  # several blocks, the last short
        features, targets = clusters(1.0)
        votes = neighbour_votes(features, targets, 4, 6)
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        for row in range(len(unit)):
            similarity = unit @ unit[row]
            others = [i for i in np.argsort(-similarity) if i != row][:6]
            weights = np.exp(similarity[others] / general_probes.VOTE_TEMPERATURE)
            expected = np.bincount(targets[others], weights, minlength=4)
            np.testing.assert_allclose(votes[row], expected / expected.sum(), rtol=1e-3, atol=1e-6)

    def test_length_does_not_matter_and_zero_is_no_error(self) -> None:
        features, targets = clusters(0.5)
        votes = neighbour_votes(features, targets, 4, 5)
        np.testing.assert_allclose(
            neighbour_votes(features * 3, targets, 4, 5), votes, rtol=1e-3, atol=1e-6
        )
        features[0] = 0
        assert np.isfinite(neighbour_votes(features, targets, 4, 5)).all()

    def test_one_image_has_no_neighbour(self) -> None:
        with pytest.raises(InputError, match="Neighbours"):
            neighbour_votes(np.ones((1, 3), np.float32), np.zeros(1, np.int64), 2, 5)


class TestLinear:
    def test_planes_part_the_clusters(self) -> None:
        features, targets = clusters(0.5)
        votes, strength = linear_votes(features, targets, 4)
        assert accuracy(votes, targets) > 0.95
        assert strength in general_probes.STRENGTHS
        np.testing.assert_allclose(votes.sum(axis=1), 1, rtol=1e-6)

    def test_no_image_is_named_by_a_plane_that_saw_it(self) -> None:
        _, targets = clusters(1.0, images=10)
        # more dimensions than images: a plane that saw an image could always name it
        noise = np.random.default_rng(2).normal(size=(len(targets), 200)).astype(np.float32)
        votes, _ = linear_votes(noise, targets, 4, strengths=[100.0])
        assert accuracy(votes, targets) < 0.5

    def test_the_most_accurate_strength_is_taken(self) -> None:
        features, targets = clusters(2.5, images=25)
        each = {c: linear_votes(features, targets, 4, strengths=[c])[0] for c in (1e-7, 0.01, 100)}
        best, strength = linear_votes(features, targets, 4, strengths=list(each))
        assert accuracy(best, targets) == max(accuracy(v, targets) for v in each.values())
        np.testing.assert_array_equal(best, each[strength])

    def test_two_classes_and_rare_ones(self) -> None:
        features, targets = clusters(0.2, classes=2, images=2)
        votes, _ = linear_votes(features, targets, 2)
        assert votes.shape == (4, 2)

    def test_features_that_never_change_are_no_error(self) -> None:
        features, targets = clusters(0.5)
        features[:, :5] = 7
        assert np.isfinite(linear_votes(features, targets, 4)[0]).all()

    def test_the_seed_decides(self) -> None:
        features, targets = clusters(2.0)
        first, _ = linear_votes(features, targets, 4, seed=3)
        np.testing.assert_array_equal(first, linear_votes(features, targets, 4, seed=3)[0])
        assert (first != linear_votes(features, targets, 4, seed=4)[0]).any()

    def test_a_class_with_one_image_is_an_error(self) -> None:
        with pytest.raises(InputError, match="single image"):
            linear_votes(np.eye(3, dtype=np.float32), np.array([0, 0, 1]), 2)


class TestKept:
    TRUTH = np.zeros(100, dtype=np.int64)

    def answers(self, right: int) -> NDArray[np.float64]:
        return np.eye(2)[(np.arange(100) >= right).astype(np.int64)]

    def test_nothing_changed_keeps_all_for_certain(self) -> None:
        kept = kept_share(self.answers(60), self.answers(60), self.TRUTH)
        assert kept == Figure(value=1.0, low=1.0, high=1.0)

    def test_half_of_it_with_an_interval(self) -> None:
        kept = kept_share(self.answers(80), self.answers(40), self.TRUTH)
        assert kept.value == 0.5
        assert kept.low is not None
        assert kept.high is not None
        assert 0.35 < kept.low < 0.5 < kept.high < 0.65

    def test_pairing_makes_the_interval_narrower_than_two_apart(self) -> None:
        near = kept_share(self.answers(60), self.answers(58), self.TRUTH)
        assert near.low is not None
        assert near.high is not None
        # unpaired, the ratio of two shares of 100 images spans over 0.3
        assert near.high - near.low < 0.15

    def test_nothing_to_keep_has_no_share(self) -> None:
        assert kept_share(self.answers(0), self.answers(50), self.TRUTH).value is None
