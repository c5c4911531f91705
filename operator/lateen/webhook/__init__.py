"""The validating webhook: what `validation` says of an object, before it is stored."""
