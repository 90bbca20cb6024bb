"""Training: masked language modelling and contrast, and what both share."""
