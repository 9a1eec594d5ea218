"""S5: every confirmed message is consumed at least once."""

from __future__ import annotations

from chaos.checks import found, skipped, unjudged
from chaos.ledger import audit_messages
from chaos.model import Finding
from chaos.recording import Recording

PREFETCH = 200  # of the consumer; at each loss of its channel at most so many come again


class MqAcked:
    """Works on the two ledgers; the consumer must have seen the queue empty before it left.

    Redelivery is allowed: each fault and the heal may cost the consumer one channel.
    """

    id = "S5"
    title = "no confirmed message is lost"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        missing = [name for name in ("mq_publish", "mq_consume") if name not in run.facts.probes]
        if missing:
            return skipped(self, f"the run had no {' and no '.join(missing)}")
        confirmed, consumed = run.ledgers.get("mq_publish", ()), run.ledgers.get("mq_consume", ())
        if not confirmed:
            return unjudged(self, "no message was confirmed")
        audit = audit_messages(confirmed, consumed, (sample.slot for sample in run.samples["mq_publish"]))
        allowed = PREFETCH * (1 + len(run.facts.injections))
        words = (f"{audit.confirmed} confirmed, {audit.consumed} consumed, {len(audit.lost)} lost, "
                 f"{len(audit.unexpected)} unexpected, {audit.duplicates} duplicates "
                 f"(at most {allowed})")
        if audit.unexpected or audit.duplicates > allowed:
            return found(self, False, words)
        if audit.lost and not run.status.get("mq_consume", {}).get("drained"):
            # They may still lie in the queue: neither lost nor safe.
            return unjudged(self, f"the consumer did not see the queue empty; {words}")
        if audit.lost:
            return found(self, False, f"{words}; first lost: {', '.join(audit.lost[:5])}")
        return found(self, True, words)


CHECK = MqAcked()
