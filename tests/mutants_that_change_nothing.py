"""Changes that no test can notice because nothing that anyone could see changes: module -> mutant -> why.

`tests.mutants` leaves them out, and complains of one that no longer exists.
"""

from __future__ import annotations

NEVER = "a random number equals the share once in 2**53 draws"
ONE_ID = "ids are unique, so two members of one order are one member"
CACHED = "what is kept is made anew more often, and is the same"
FINER = "how finely an end is looked for that is pinned to six digits"
UNKNOWN = "NumPy takes any negative length for the unknown one"

EQUIVALENT: dict[str, dict[str, str]] = {
    "harness/search/search.py": {
        "knows: Callable[[str], bool] = lambda key: False,  [flag: False -> True]": "of a protocol, which is never called",
        "if rng.random() < self.settings.best_share:  [comparison: rng.random() < self.settings.best_share -> rng.random() <= self.settings.best_share]": NEVER,
        "if rng.random() < self.settings.archive_share:  [comparison: rng.random() < self.settings.archive_share -> rng.random() <= self.settings.archive_share]": NEVER,
        "if rng.random() < self.settings.random_share:  [comparison: rng.random() < self.settings.random_share -> rng.random() <= self.settings.random_share]": NEVER,
        "if cell not in best or member.order < best[cell].order:  [comparison: member.order < best[cell].order -> member.order <= best[cell].order]": ONE_ID,
        "known[niche] = shares([1.0 / ((1 + place) * (1 + m.children)) for place, m in enumerate(population)])  [number: 1.0 -> 2.0]": "shares are divided by their sum",
        'return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()  [number: 16 -> 17]': "a longer hash tells as much apart",
        'return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()  [number: 16 -> 32]': "a longer hash tells as much apart",
        "table = np.concatenate([np.reshape(c, (-1, n_names)) for c in rows])  [number: 1 -> 2]": UNKNOWN,
    },
    "harness/search/archive.py": {
        "if len(self._best) < min(n, len(self)):  [comparison: len(self._best) < min(n, len(self)) -> len(self._best) <= min(n, len(self))]": CACHED,
        "if len(self._best) < min(n, len(self)):  [name: min -> max]": CACHED,
        "if owner is not None and owner.order <= member.order:  [comparison: owner.order <= member.order -> owner.order < member.order]": ONE_ID,
    },
    "harness/search/draws.py": {
        "shares = (p / p.sum()).cumsum()  [operator: p / p.sum() -> p * p.sum()]": "divided by the last share afterwards",
    },
    "harness/search/offered.py": {
        "if len(self._best) < OFFERED or order < self._best[-1][0]:  [comparison: len(self._best) < OFFERED -> len(self._best) <= OFFERED]": "one too many is cut off in the next line",
        "if len(self._best) < OFFERED or order < self._best[-1][0]:  [comparison: order < self._best[-1][0] -> order <= self._best[-1][0]]": ONE_ID,
    },
    "harness/choosing/lighter.py": {
        "_, place, own = min(found, key=lambda f: f[:2])  [number: 2 -> 3]": "no two have one place, so a third value is never compared",
        "_, place, own = min(found, key=lambda f: f[:2])  [number: 2 -> 4]": "no two have one place, so a third value is never compared",
    },
    "harness/choosing/shortlist.py": {
        "return sorted(found, key=lambda s: (s.place is None, s.place or 0, s.expected, s.id))  [number: 0 -> 1]": "those without a place stand behind all others anyway",
    },
    "tasks/split.py": {
        "distance = np.sqrt((((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1))  [number: 1.0 -> 2.0]": "divides what does not vary, which is zero",
        "return _rank(np.round(distance, 9))  [number: 9 -> 10]": "rounding errors are a millionth of either",
        "return len(y) > 1 and bool((y.max(axis=0) > y.min(axis=0)).all())  [comparison: len(y) > 1 -> len(y) >= 1]": "one row does not vary",
        "for part in range(2):  [number: 2 -> 3]": "no group is of a third part",
        "for part in range(2):  [number: 2 -> 4]": "no group is of a third part",
    },
    "harness/choosing/rows/last_levels.py": {
        "slope = (off[:, None] * (values - values.mean(axis=0))).sum(axis=0) / (off**2).sum()  [operator: values - values.mean(axis=0) -> values + values.mean(axis=0)]": "what multiplies it sums to nought",
    },
    "harness/choosing/rows/kriging.py": {
        "STEPS = 60  [number: 60 -> 120]": "a search that has ended takes no further step",
        "STEPS = 60  [number: 60 -> 61]": "a search that has ended takes no further step",
    },
    "harness/choosing/vote.py": {
        "high = np.argmax(share > 0.5 + 1e-9, axis=0)  [comparison: share > 0.5 + 1e-09 -> share >= 0.5 + 1e-09]": "no sum of weights ends on just that number",
    },
    "fitting/uncertainty/intervals.py": {
        "if clusters is not None and left > 0:  [comparison: left > 0 -> left >= 0]": "of nought and the clusters nought is the smaller",
    },
    "fitting/planning/allocation.py": {
        "g = 0 if group is None else result.problem.rows.labels.index(group)  [number: 0 -> 1]": "without a group there is one, and one set of constants",
        "offsets = np.linspace(-LOG_SPAN, LOG_SPAN, 161)  [number: 161 -> 162]": FINER,
        "spots = centre[:, None] + step * np.linspace(-1, 1, 9)  [number: 9 -> 10]": FINER,
        "spots = centre[:, None] + step * np.linspace(-1, 1, 9)  [operator: centre[:, None] + step * np.linspace(-1, 1, 9) -> centre[:, None] - step * np.linspace(-1, 1, 9)]": "the same places from the other side",
        "for _ in range(3):  [number: 3 -> 6] #2": FINER,
        "step = offsets[1] - offsets[0]  [number: 1 -> 2]": FINER,
        "low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]  [name: min -> max]": "a wider bracket of one minimum",
        "low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]  [number: 1 -> 2] #2": "a wider bracket of one minimum",
    },
}
