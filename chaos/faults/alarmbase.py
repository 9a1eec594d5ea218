"""What the faults share that raise an alarm of a broker: a limit that is always passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault, erlang
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class AlarmFault(GuestFault):
    """``alarm`` is RabbitMQ's own word for it; ``passed`` and ``restored`` are Erlang expressions.

    An alarm on one member blocks every publisher of the whole cluster: consumers go on.
    """

    bounds: ClassVar[str] = "broker"
    endures: ClassVar[bool] = True
    alarm: ClassVar[str]
    passed: ClassVar[str]
    restored: ClassVar[str]

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return erlang(self.passed)

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return erlang(self.restored)

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        # An error that the broker answers with is no list of alarms.
        return judged(erlang("rabbit_alarm:get_alarms().") + " | grep -F '{ok,'", f"grep -F {self.alarm}")
