"""Verbs that run many trainings: learning curves, and remedies against forgetting compared."""
