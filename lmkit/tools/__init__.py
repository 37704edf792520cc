"""What an agent may call, and how a call that a model wrote is read, checked and answered.

    text of a model ─▶ call(tools, text) ─▶ JSON, schema, tool ─▶ an observation: text, at most so long, never an exception

`isolation` runs a program that a model wrote, `small` holds tools of one argument (a plain function from text to text, so each
serves in a loop of your own as well), `calling` is function calling. Nothing here knows anything about models.
"""

from lmkit.tools.calling import Tool, call
from lmkit.tools.isolation import NoIsolation, Ran, run_python
from lmkit.tools.small import Calculator, Lookup, Search, Today

__all__ = ["Calculator", "Lookup", "NoIsolation", "Ran", "Search", "Today", "Tool", "call", "run_python"]
