"""Evidence: what a difference between two models is worth."""
