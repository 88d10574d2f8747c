"""Terms of the loss beside the task's own: remedies against forgetting, and a teacher.

Each is one file with a :class:`.penalty.Penalty`; the training loop knows nothing else about it.
"""
