"""`python -m rag` is `spanwise`."""

from __future__ import annotations

from rag.cli import main

if __name__ == "__main__":
    main()
