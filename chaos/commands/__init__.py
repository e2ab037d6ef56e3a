"""The command ``prowl`` and its subcommands."""
