"""Certificates that Lateen issues: an authority of its own, the certificates it signs, their renewal."""
