"""Pages that need the packages of the extra `recipes` are executed where these are installed."""

from importlib.util import find_spec

collect_ignore = [] if all(map(find_spec, ["accelerate", "lightning", "transformers"])) else ["guide/frameworks.md"]
