"""What a person asks of headct, one function each: no printing, no exit codes."""
