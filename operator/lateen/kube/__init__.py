"""The only package that talks to Kubernetes: watching by kopf, writing by the official client."""
