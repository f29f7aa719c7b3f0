"""What runs in the sandboxed process. Imported by path there, never by the host's package name, except `wire`."""
