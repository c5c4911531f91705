"""What a proxy should do, in words of its own: nothing of Kubernetes, nothing of Envoy's messages.

Every value is a frozen, slotted dataclass with value equality: equality is what stops
a change from travelling further than it has to.
"""
