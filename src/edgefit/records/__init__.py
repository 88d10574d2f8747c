"""One typed model for every JSON file that a stage or a study writes into a run."""
