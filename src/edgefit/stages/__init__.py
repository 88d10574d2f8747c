"""Composes the rooms into ``build`` and into the two stages that need several of them."""
