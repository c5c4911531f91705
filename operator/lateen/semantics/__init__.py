"""The rules: what Istio's objects mean, as pure functions from objects to the IR.

Nothing here reads tables, clocks or files; `lateen.compile` feeds these functions.
"""
