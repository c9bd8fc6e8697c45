"""The evidence bundle: everything that another expert needs to check a case without us, in one signed zip.

`stage` is the folder in which a bundle is gathered and sealed, `verify` the script that checks one with the standard
library alone, `contents` reads one, and `recompute` makes its comparison again from the raw replies.
"""

from __future__ import annotations

FORMAT = "filiation-bundle/1"
SUITE, SEALED = "probes/suite.json", "probes/sealed.json"
INPUTS, ANALYSIS = "analysis/inputs.json", "analysis"
CALIBRATION = "validation/calibration.json"
