"""The trained network over frames: its outputs, and what its backbone still knows."""
