"""The frame: what carries artifacts and decides none of them."""
