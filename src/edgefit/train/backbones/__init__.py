"""The catalogue of backbones; one card per network under ``models/backbones``."""
