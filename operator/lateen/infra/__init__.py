"""Running proxies: the protocol, Envoys as processes of this machine, and what they need around them."""
