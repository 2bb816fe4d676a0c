"""Open the chat over the demo corpus: `python app.py`, the same as `make chat` once installed."""

from __future__ import annotations

import sys
from pathlib import Path

from rag.__main__ import main

HERE = Path(__file__).parent

if __name__ == "__main__":
    demo = ["chat", str(HERE / "seeds"), "--home", str(HERE / ".spanwise"), "--collection", "seeds"]
    sys.argv[1:] = [*demo, *sys.argv[1:]]
    main()
