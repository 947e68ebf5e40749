"""Write every golden ruleset anew: `make golden`, then read the difference."""

import sys
from pathlib import Path

from gateway.compile.ruleset import compile_plan
from gateway.policy.plan import read_plan

FOLDER = Path(__file__).parent


def cases() -> list[Path]:
    """Give the folder of every case."""
    return sorted(path.parent for path in FOLDER.glob("*/plan"))


def compiled(case: Path) -> dict[str, str]:
    """Give the text of every file that a case's `rulesets` folder should hold."""
    rulesets = compile_plan(read_plan(case / "plan"))
    return {f"{gateway}.nft": ruleset.text for gateway, ruleset in rulesets.items()}


def write(case: Path) -> None:
    """Write a case's rulesets, and delete those of gateways that are no more."""
    folder = case / "rulesets"
    folder.mkdir(exist_ok=True)
    texts = compiled(case)
    for file in folder.glob("*.nft"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    for golden in cases():
        write(golden)
        sys.stdout.write(f"written: {golden.name}\n")
