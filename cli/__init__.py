"""The `headct` command: one module per group of subcommands."""
