"""lmkit: the small package under the course *Inside Large Language Models*.

It loads real open models, keeps a whole forward pass (`Trace`), the next-token distribution (`Distribution`) and a
recorded generation (`Generation`). It knows nothing about how they are drawn: widgets and figures live in
`lmkit.widgets` and `lmkit.plots`, which are imported only when a chapter asks for them.
"""

from lmkit.generation import Generation
from lmkit.models import LanguageModel, load
from lmkit.sampling import Distribution
from lmkit.trace import Trace
from lmkit.weights import catalog

__all__ = ["Distribution", "Generation", "LanguageModel", "Trace", "catalog", "load"]
__version__ = "0.1.0"
