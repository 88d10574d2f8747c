"""The stages of ``build``, one file per verb, and the runner that runs them."""
