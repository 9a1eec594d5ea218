"""``python -m cli``: what ``./inv`` runs in the environment."""

import signal

# Until a command begins there is nothing that Ctrl-C could interrupt: it ends us without a word.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from cli.program import main  # noqa: E402

main()
