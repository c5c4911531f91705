"""Ejected hosts and overflows, made visible: from the proxies' logs to Events and the status of DestinationRules.

    log of a proxy's pod ─► EjectionWatch ─► EjectionBook    ─► Events, status: who is ejected, why, until when
                                         └─► OverflowCounter ─► Events, once a minute at most

Only the leader follows logs. docs/ejections.md says what users see of it.
"""
