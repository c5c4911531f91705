"""Objects as people type them: `vs/shop`, `virtualservice/shop`, `VirtualService/default/shop`."""

import click

from lateen.crds.resources import RESOURCES
from lateen.model.keys import Key, Kind


def parse_object(text: str, namespace: str) -> Key:
    """Read `KIND/NAME` or `KIND/NAMESPACE/NAME`.

    Args:
        text: what was typed.
        namespace: where an object is that is typed without one.

    Raises:
        click.BadParameter: it is neither, or there is no such kind.
    """
    kind, *rest = text.split("/")
    match rest:
        case [name] if name:
            return Key(_parse_kind(kind), namespace, name)
        case [within, name] if within and name:
            return Key(_parse_kind(kind), within, name)
        case _:
            raise click.BadParameter(f"{text!r} is no object; write KIND/NAME or KIND/NAMESPACE/NAME, such as vs/shop")


def _parse_kind(text: str) -> Kind:
    spelled = text.partition(".")[0].lower()
    for kind in Kind:
        if spelled in (kind.lower(), f"{kind.lower()}s"):
            return kind
    for resource in RESOURCES:
        if spelled in (resource.plural, *resource.short_names):
            return resource.kind
    kinds = ", ".join("/".join((each.kind, *each.short_names)) for each in RESOURCES)
    raise click.BadParameter(f"there is no kind {text!r}; there are {kinds}")
