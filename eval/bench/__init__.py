"""Speed, memory and fairness, measured: ``python -m eval.bench``, or ``make bench``."""
