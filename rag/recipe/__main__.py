"""`python -m rag.recipe`. What the workers run is in a module that they can import by name."""

import sys

from index.errors import SpanwiseError
from rag.recipe.make import main

if __name__ == "__main__":
    try:
        main()
    except SpanwiseError as error:
        sys.exit(f"Error: {error}")
