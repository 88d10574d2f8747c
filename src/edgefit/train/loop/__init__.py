"""Phase two: the fine-tuning loop and its parts."""
