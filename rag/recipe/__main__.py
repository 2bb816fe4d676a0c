"""`python -m rag.recipe`. What the workers run is in a module that they can import by name."""

from rag.recipe.make import main

if __name__ == "__main__":
    main()
