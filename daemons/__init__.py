"""The daemons of a node: what each one is, the questions it answers, and one reader for each answer.

``services`` says what each service is made of (unit, process, ports, ...); the other modules hold, by daemon,
the commands that ask it and pure functions that make typed values of what it prints.  Nothing here
knows a lab: who asks where and when is up to gates, chaos runs, ``lab.explain``, ``provision.verify``.
"""
