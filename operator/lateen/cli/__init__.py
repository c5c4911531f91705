"""The commands. Each reads its options, calls the parts below, and prints; nothing is decided here."""
