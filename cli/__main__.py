"""``python -m cli``: what ``./inv`` runs in the environment."""

from cli.program import main

main()
