"""Mining: hard negatives, and the teacher that ranks them."""
