"""Whole question sets: asked, measured, reported. Always imported as ``from eval.x import y``."""
