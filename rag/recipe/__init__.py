"""How the shipped reader was made: `make reader DATA=folder`. Not needed to use it."""
