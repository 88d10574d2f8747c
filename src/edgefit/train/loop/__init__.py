"""Phase two: the fine-tuning loop and what takes part in it."""
