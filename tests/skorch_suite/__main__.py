"""Run skorch's own tests twice, without and with a recorder on every net; needs ``pip install "skorch[test]"``."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import skorch

from tests.skorch_suite.plugin import OUTCOMES, RECORDS

KNOWN = {
    "test_net.py::TestNeuralNet::test_criterion_training_set_correctly": (
        "counts calls of a criterion of its own, which is called once more for the losses of samples"
    ),
}
# They need models from the network.
LEFT_OUT = "test_hf.py", "llm"


def run(options: list[str], records: bool) -> dict[str, tuple[str, str]]:
    """Run the installed tests in a process of their own; return how each ended."""
    suite = Path(skorch.__file__).parent / "tests"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outcomes.json"
        environment = os.environ | {OUTCOMES: str(file), RECORDS: "yes" if records else ""}
        environment["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), environment.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "tests.skorch_suite.plugin"]
        command += ["-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={suite}", "--tb=short", *options]
        command += [f"--ignore={suite / name}" for name in LEFT_OUT]
        subprocess.run([*command, str(suite)], cwd=folder, env=environment, check=False)
        return {name: tuple(reason) for name, reason in json.loads(file.read_text()).items()}


def kind_of(sentence: str) -> str:
    """Return the sentence without what differs from test to test, so that equal reasons are counted together."""
    return re.sub(r"\d[\d.e+-]*", "#", re.sub(r"0x[0-9a-f]+", "#", sentence)).split("\n")[0][:150]


def main() -> int:
    """Run the command; the status is 1 if a test fails with recorders for another reason than an error of ours."""
    parser = argparse.ArgumentParser(prog="python -m tests.skorch_suite", description=__doc__)
    parser.add_argument("-k", default="", help="only tests whose names match, as in pytest")
    parser.add_argument("--show", action="store_true", help="name the tests that are refused")
    arguments = parser.parse_args()
    options = ["-k", arguments.k] if arguments.k else []
    plain, recorded = run(options, False), run(options, True)  # not at once: some of the tests listen at one port
    passed = [name for name, (outcome, _) in plain.items() if outcome == "passed"]
    alike = [name for name in passed if recorded[name][0] == "passed"]
    refused: dict[str, list[str]] = defaultdict(list)
    for name in passed:
        if recorded[name][0] == "refused":
            refused[kind_of(recorded[name][1])].append(name)
    differing = [name for name in passed if recorded[name][0] not in ("passed", "refused")]
    others = [name for name in differing if name not in KNOWN]
    print(f"\nskorch {skorch.__version__}: {len(plain)} tests, of which {len(passed)} pass without a recorder")
    print(f"{len(alike)} pass with a recorder, {sum(map(len, refused.values()))} are refused:")
    for kind, names in sorted(refused.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):5}  {kind}")
        for name in names if arguments.show else []:
            print(f"         {name}")
    for name in set(differing) & set(KNOWN):
        print(f"    1  {KNOWN[name]}: {name}")
    print(f"{len(others)} fail for another reason")
    for name in others:
        print(f"       {name}: {recorded[name][1].splitlines()[0][:200]}")
    return int(bool(others))


if __name__ == "__main__":
    sys.exit(main())
