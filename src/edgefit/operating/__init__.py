"""From a network's outputs to decisions: threshold, conformal sets, novelty, temperature."""
