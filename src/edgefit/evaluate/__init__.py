"""The trained network on frames: its outputs, and the general knowledge that its backbone kept."""
