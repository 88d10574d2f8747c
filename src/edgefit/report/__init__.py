"""What a build found out, for people: one self-contained page and the model card."""
