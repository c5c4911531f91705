"""Ejected hosts and overflows, made visible: from the proxies' logs to Events and the status of DestinationRules.

    log of a pod ─► EjectionWatch ─► EjectionKeeper ─┬► EjectionBook    ─► Events, status: who, why, until when
                                                     └► OverflowCounter ─► Events, once a minute at most

Only the leader follows logs. docs/ejections.md says what users see of it.
"""
