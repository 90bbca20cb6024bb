"""The miniature's world: places, works and people, what holds of them, and what is written about them."""
