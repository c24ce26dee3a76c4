"""The subcommands of ``actscore``: a module each, with DESCRIPTION, EXAMPLES, ``add_arguments`` and ``run``."""
