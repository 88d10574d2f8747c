"""A network's tensors are found in a checkpoint wherever they lie, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgefit.train.backbones.unwrap import State, chosen, places_of, prefixes_in, states_in

NETWORK: State = {
    "stem.weight": torch.zeros(2, 3),
    "stem.num_batches_tracked": torch.zeros(()),
    "body.0.weight": torch.zeros(4),
}


def under(prefix: str, value: float = 1.0) -> State:
    return {prefix + name: torch.full_like(tensor, value) for name, tensor in NETWORK.items()}


def where(checkpoint: Any) -> str | None:
    place = chosen(places_of(checkpoint, NETWORK))
    return None if place is None else str(place)


@pytest.mark.parametrize(
    "prefix", ["model.", "net.", "backbone.", "network.", "student.", "module._orig_mod.", "a.b.c."]
)
def test_any_prefix_is_found(prefix: str) -> None:
    assert where(under(prefix)) == f"the prefix {prefix}"
    assert where({"state_dict": under(prefix)}) == f"state_dict with the prefix {prefix}"


@pytest.mark.parametrize(
    "key", ["state_dict", "model", "model_state_dict", "ema", "state_dict_ema", "model_ema"]
)
def test_any_key_is_found(key: str) -> None:
    assert where({key: under(""), "epoch": 3, "optimizer": {"state": {}}}) == key
    assert where({"checkpoint": {key: under("")}}) == f"checkpoint.{key}"


def test_tensors_that_lie_open_need_no_words() -> None:
    assert where(under("")) == ""


def test_the_names_lose_their_prefix_and_others_keep_theirs() -> None:
    place = chosen(places_of(under("model.", 5.0) | {"loss.weight": torch.ones(1)}, NETWORK))
    assert place is not None
    assert set(place.state) == {*NETWORK, "loss.weight"}
    assert place.state["stem.weight"].unique().tolist() == [5.0]


def test_a_counter_that_old_files_lack_is_not_needed() -> None:
    old = under("model.")
    del old["model.stem.num_batches_tracked"]
    assert where(old) == "the prefix model."


@pytest.mark.parametrize("name", ["model.body.0.weight", "model.stem.weight"])
def test_a_prefix_counts_only_if_every_tensor_fits(name: str) -> None:
    lacking = under("model.")
    del lacking[name]
    assert where(lacking) is None
    assert where(under("model.") | {name: torch.ones(7)}) is None


@pytest.mark.parametrize(
    ("checkpoint", "place"),
    [
        ({"state_dict": under(""), "state_dict_ema": under("")}, "state_dict"),
        ({"model": under(""), "model_ema": under("module.")}, "model"),
        ({"teacher": under("backbone."), "student": under("module.backbone.")}, "student with"),
        ({"state_dict": under("model.") | under("ema_model.")}, "state_dict with the prefix model"),
        ({"state_dict": under(""), "current_model_state": under("")}, "state_dict"),
        ({"model_ema": under(""), "n_averaged": torch.ones(())}, "model_ema"),
        (under("") | under("old."), ""),
    ],
)
def test_plain_weights_go_before_their_average(checkpoint: Any, place: str) -> None:
    assert len(places_of(checkpoint, NETWORK)) >= 1
    assert (where(checkpoint) or "").startswith(place)


def test_two_networks_are_not_chosen_between() -> None:
    assert len(places_of(under("left.") | under("right."), NETWORK)) == 2
    assert where(under("left.") | under("right.")) is None
    assert where({"ema": under(""), "swa": under("")}) is None


def test_the_state_of_an_optimizer_is_no_network() -> None:
    checkpoint = {"optimizer": under(""), "optimizer_states": [under("")]}
    assert list(states_in(checkpoint)) == []


def test_prefixes_are_ranked_by_how_often_they_occur() -> None:
    state = under("net.") | {"head.stem.weight": torch.ones(1)}
    assert prefixes_in(state, NETWORK) == ["net.", "head."]
