"""``python ipmi.py ADDRESS USER on|off|state``: one IPMI request; the password comes on standard input."""

from __future__ import annotations

import sys

from pyghmi.ipmi.command import Command
from pyghmi.ipmi.private.session import Session

# pyghmi's client begins with cipher suite 17, which pyghmi's own responder answers in that of suite 3;
# ipmitool, with which nodes are fenced, takes what it is told.
Session.attemptedhash = property(lambda self: 1, lambda self, value: None)

if __name__ == "__main__":
    address, user, word = sys.argv[1:]
    link = Command(address, user, sys.stdin.readline().strip())
    answer = link.get_power() if word == "state" else link.set_power(word)
    sys.stdout.write(f"{answer['powerstate'] if word == 'state' else answer}\n")
