"""The subcommands of ``actscore``: each module that ends in a command has ``add_parser`` and ``run``."""
