"""YAML out: block style, keys in the order given, long lines as they are, program text line by line."""

from typing import Any

import yaml


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # the C library may be missing
    """Writes plain values."""

    def represent_text(self, text: str) -> yaml.Node:
        """Write text of several lines as a block."""
        node: yaml.Node = self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
        return node


_Dumper.add_representer(str, _Dumper.represent_text)


def to_yaml(value: Any) -> str:
    """Write one document."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text
