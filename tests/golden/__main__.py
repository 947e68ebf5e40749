"""Write every golden ruleset and link anew: `make golden`, then read the difference."""

import sys
from pathlib import Path

from gateway.compile.links import compile_links
from gateway.compile.ruleset import compile_plan
from gateway.policy.plan import read_plan

FOLDER = Path(__file__).parent

#: What a case holds beside its plan.
FOLDERS = ("rulesets", "links")


def cases() -> list[Path]:
    """Give the folder of every case."""
    return sorted(path.parent for path in FOLDER.glob("*/plan"))


def compiled(case: Path) -> dict[str, str]:
    """Give the text of every file that a case's folders should hold, as `rulesets/city.nft`."""
    plan = read_plan(case / "plan")
    rulesets = compile_plan(plan)
    texts = {f"rulesets/{gateway}.nft": ruleset.text for gateway, ruleset in rulesets.items()}
    return texts | {
        f"links/{gateway}.conf": compile_links(plan, gateway).text for gateway in rulesets
    }


def reviewed(case: Path) -> dict[str, str]:
    """Give the text of every file that they do hold."""
    files = (file for folder in FOLDERS for file in (case / folder).iterdir())
    return {str(file.relative_to(case)): file.read_text("utf-8") for file in files}


def write(case: Path) -> None:
    """Write a case's folders, and delete the files of gateways that are no more."""
    for folder in FOLDERS:
        (case / folder).mkdir(exist_ok=True)
    texts = compiled(case)
    for name in reviewed(case).keys() - texts.keys():
        (case / name).unlink()
    for name, text in texts.items():
        (case / name).write_text(text, "utf-8")


if __name__ == "__main__":
    for golden in cases():
        write(golden)
        sys.stdout.write(f"written: {golden.name}\n")
