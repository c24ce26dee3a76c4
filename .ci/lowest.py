"""Print constraints that hold what the package and its tests need at the floors of pyproject.toml.

Everything else is as in constraints.txt, and so is torch: each of its releases is a download of its own size.
"""

import tomllib
from pathlib import Path

HERE = Path(__file__).parent
# The floor of matplotlib calls functions that later releases of pyparsing warn of.
HELD_BACK = {"pyparsing": "3.2.0"}

project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
requirements = [*project["dependencies"], *extras["plot"], *extras["cli"], *extras["test"]]
pairs = [each.split(">=") for each in requirements if not each.startswith(("torch>=", "actscore-sk["))]
floors = {name.lower(): version for name, version in pairs}  # ValueError: a requirement is not NAME>=VERSION

for line in (HERE / "constraints.txt").read_text().splitlines():
    if line.partition("==")[0].lower() not in floors | HELD_BACK:
        print(line)
for name, version in (floors | HELD_BACK).items():
    print(f"{name}=={version}")
