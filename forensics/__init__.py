"""The Filiation engine: recorded responses and weights in, calibrated and bounded evidence of lineage out.

Pure Python: no Django, no Celery, no settings, no clock, no global random state.
"""

__version__ = "0.1.0"
