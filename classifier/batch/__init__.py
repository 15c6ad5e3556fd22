"""Classifying whole inputs: a job reads, scores, writes atomically and leaves a receipt."""
