"""Phase one: a linear head on frozen features."""
