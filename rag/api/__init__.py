"""REST, version 1: what `spanwise serve` answers under ``/api/v1``."""
