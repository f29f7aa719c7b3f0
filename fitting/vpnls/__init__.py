"""The surface L = E + A/N**alpha + B/D**beta by variable projection, with vpnls's arguments and results."""
