"""Spanwise beside its peers, on the same questions and passages: ``python -m eval.peers``."""
