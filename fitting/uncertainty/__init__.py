"""How sure are we of the constants? Covariance, intervals, profiles, bootstraps, and what the rows can't tell."""
