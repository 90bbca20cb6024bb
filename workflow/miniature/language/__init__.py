"""The miniature's language: a grammar and a lexicon, Russian and English."""
