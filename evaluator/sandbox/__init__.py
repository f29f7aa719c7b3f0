"""The host's side of the sandbox: processes that run programs, watched from outside."""
