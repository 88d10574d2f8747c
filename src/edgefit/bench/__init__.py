"""Timing that knows no model: samples, machine, worker process, suite, recommendation."""
