"""What the user wrote: one frozen dataclass per kind, validated once at the door."""
