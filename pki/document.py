"""The document that people follow when the root is made, in either language.

The text lies beside, in `texts/`; this fills in the plan's name and organ.
"""

from pathlib import Path

from pki.files import read_file
from pki.names import Realm

_FOLDER = Path(__file__).resolve().parent / "texts"


def ceremony_text(realm: Realm, language: str) -> str:
    """Give the document for one plan; `zh` or else English.

    Raises:
        PkiRefused: the plan or the organ cannot stand in a certificate.
    """
    realm.check()
    text = read_file(_FOLDER / ("zh.md" if language == "zh" else "en.md")).decode()
    return text.replace("{plan}", realm.plan).replace("{organ}", realm.organ)
