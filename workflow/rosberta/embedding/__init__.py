"""The encoding room: texts to embeddings, without padding, from a cache; and embeddings to ranks."""
