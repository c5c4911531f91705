"""CustomResourceDefinitions of the networking kinds, generated from the spec dataclasses.

Pure: `definitions` makes plain values, the command line writes them. What a schema and CEL can
say about one object is said here; everything else is left to `lateen.validation`. The two agree
in one direction: what an API server refuses is refused by `lateen.validation` as well.
"""
