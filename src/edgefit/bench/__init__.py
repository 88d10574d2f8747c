"""Timing of exported files: samples, machine, worker process, suite, recommendation."""
