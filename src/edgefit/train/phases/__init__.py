"""The phases of a training; a task says which of them it needs, in which order."""
