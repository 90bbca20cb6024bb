"""Evaluation: tasks as mteb defines them, models as mteb wants them, scores as the leaderboard has them."""
