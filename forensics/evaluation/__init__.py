"""Scores to calibrated, bounded likelihood ratios."""
