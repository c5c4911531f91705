"""Every error that Lateen raises on purpose."""


class LateenError(Exception):
    """Base of all errors that carry a message for the user."""


class InputError(LateenError):
    """What the user gave cannot be used: a file, an option, an address."""


class ProxyError(LateenError):
    """A proxy cannot be started, or does not answer."""
