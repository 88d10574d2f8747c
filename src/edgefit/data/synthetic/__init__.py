"""Synthetic images of machined parts on a conveyor belt: data for the demo and for tests."""

from edgefit.data.synthetic.clip import generate_clip
from edgefit.data.synthetic.dataset import generate

__all__ = ["generate", "generate_clip"]
