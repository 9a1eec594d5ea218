"""The reference deployment's requirements R1..R38, checked on a running lab.

One way: ``read`` and ``trials`` ask the lab -> ``facts`` -> ``requirements`` judge -> ``verify`` collects.
A judge is a pure function of the plan and the facts; a new requirement is one new file in
``requirements/``.  Nothing passes by silence: a fact that could not be read fails whoever needs it.
"""
