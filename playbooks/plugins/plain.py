"""The controller's half of how a module of ours is run: as plain Python, in one command.

Decision 0030 says why Ansible's own wrapper is not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

#: Debian's own, with nothing of anybody's; what is to be run comes by its standard input.
_COMMAND = "/usr/bin/python3 -ISu -"

_PACKAGE = "playbooks.plugins"
#: In such an order that each finds what it imports.
_ON_HOSTS = ("plain", "files", "own_key")

#: Puts in place what a module imports of ours, as if it lay there, and runs it.
_PROGRAM = """\
import json, sys, types
sent = json.loads({sent!r})
for name in sent["packages"]:
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = []
for name, text in sent["modules"]:
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
plain = sys.modules["{package}.on_hosts.plain"]
plain.main(module, sent["wanted"], check=sent["check"])
"""


class PlainAction(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """An action whose module is run on the host as it is."""

    _supports_check_mode = True
    _requires_connection = True

    def there(self, module: ModuleType, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module on the host; give its result, or what is wrong as Ansible has it.

        Raises:
            AnsibleActionFail: the options are not the module's.
            AnsibleConnectionFailure: the host is not reached.
        """
        wanted = checked(module, arguments)
        program = program_of(module, wanted, check=bool(self._task.check_mode))
        done = self._low_level_execute_command(_COMMAND, in_data=program)
        return result_of(done)


def checked(module: ModuleType, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give a module's options, each of its type, and those that are not said by default.

    Raises:
        AnsibleActionFail: they are not its options.
    """
    validator = ArgumentSpecValidator(module.SPEC, **getattr(module, "RULES", {}))
    found = validator.validate(dict(arguments))
    if found.error_messages:
        raise AnsibleActionFail("; ".join(found.error_messages))
    return dict(found.validated_parameters)


def program_of(module: ModuleType, wanted: Mapping[str, Any], *, check: bool) -> bytes:
    """Give what the host's Python is told."""
    sent = {
        "packages": ["playbooks", _PACKAGE, f"{_PACKAGE}.on_hosts", f"{_PACKAGE}.modules"],
        "modules": [*_shared(), [module.__name__, _text(str(module.__file__))]],
        "wanted": wanted,
        "check": check,
    }
    return _PROGRAM.format(sent=json.dumps(sent), package=_PACKAGE).encode()


def result_of(done: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a module has printed; what is no result is a failure, with what was said."""
    last = str(done["stdout"]).strip().rpartition("\n")[2]
    try:
        result = json.loads(last)
    except ValueError:
        result = None
    if isinstance(result, dict) and done["rc"] == 0:
        return result
    said = f"{done['stdout']}{done['stderr']}".strip()
    return {"failed": True, "msg": f"the host's Python ended with {done['rc']}: {said}"}


@cache
def _shared() -> tuple[tuple[str, str], ...]:
    folder = Path(__file__).with_name("on_hosts")
    return tuple((f"{_PACKAGE}.on_hosts.{n}", _text(str(folder / f"{n}.py"))) for n in _ON_HOSTS)


@cache
def _text(file: str) -> str:
    return Path(file).read_text("utf-8")
