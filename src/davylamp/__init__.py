"""Davylamp finds cryptocurrency mining on public networks and says how sure it is.

The lamp reads captures (`davylamp.pipeline.scan`) and needs neither a database nor a network.
"""

from typing import Final

__version__: Final = "0.1.0"
