"""Names, signs and factors of constants, chosen so that equal laws get equal text."""

from __future__ import annotations

from fitting.law.expression import Node
from fitting.law.summand import Part, constants, part_of, signed, signed_sum, texts


def canonical_text(node: Node) -> str:
    """The one spelling of a law; it is itself a law that can be read."""
    law = _Law(_parts(node))
    order = law.order()
    place = {name: i for i, name in enumerate(order)}
    final = {name: f"c{i}" for i, name in enumerate(order, 1)}
    terms = []
    for p, names in law.parts:
        by_place = sorted(p.constants, key=lambda i: place[names[i]])
        terms += signed(p, tuple([final.get(n, "") for n in names]), tuple(by_place))
    return signed_sum(terms)


def _parts(node: Node) -> list[tuple[Part, tuple[str, ...]]]:
    """The law in parts that share no constant, each with the names that its constants have."""
    summands: tuple[Node, ...] = node[1] if node[0] == "add" else (node,)
    own = [constants(summand) for summand in summands]
    groups: list[tuple[Node, ...]] = [(s,) for s in summands] if _apart(own) else _joined(summands, own)
    parts = [part_of(group) for group in groups]
    # Without a constant, monomials of two parts may be one.
    return parts if sum(p.free for p, _ in parts) < 2 else [part_of(summands)]


def _apart(own: list[tuple[str, ...]]) -> bool:
    """Whether each summand has constants, and none of another's."""
    return all(own) and sum(map(len, own)) == len({name for names in own for name in names})


def _joined(summands: tuple[Node, ...], own: list[tuple[str, ...]]) -> list[tuple[Node, ...]]:
    """Summands that share constants, or have none, together."""
    groups: list[tuple[set[str], tuple[Node, ...]]] = []
    for summand, names in zip(summands, own, strict=True):
        held: set[str] = set(names)
        nodes: tuple[Node, ...] = (summand,)
        apart = []
        for group in groups:
            if held.isdisjoint(group[0]) and (held or group[0]):
                apart.append(group)
            else:
                held, nodes = held | group[0], group[1] + nodes
        groups = [*apart, (held, nodes)]
    return [nodes for _, nodes in groups]


class _Law:
    """A law in parts, and the order of its constants."""

    def __init__(self, parts: list[tuple[Part, tuple[str, ...]]]) -> None:
        self.parts = parts
        self.home = {names[i]: k for k, (p, names) in enumerate(parts) for i in p.constants}
        self.names = sorted(self.home)

    def marked(self, colours: dict[str, str], names: list[str], mark: str) -> dict[str, str]:
        """For each of the names, the law as if unsigned with that one written as `mark`, the others by their colours."""
        painted = [[colours.get(n, "") for n in own] for _, own in self.parts]
        whole = [texts(p, tuple(c)) for (p, _), c in zip(self.parts, painted, strict=True)]
        found = {}
        for name in names:
            k = self.home[name]
            p, own = self.parts[k]
            other = texts(p, tuple([mark if n == name else c for n, c in zip(own, painted[k], strict=True)]))
            found[name] = " + ".join(
                sorted([t for i, ts in enumerate(whole) for t in (other if i == k else ts)])
            )
        return found

    def order(self) -> list[str]:
        """The constants in an order that does not depend on their names.

        Colours are refined by what surrounds each constant; a tie that is left is broken by trying each.
        """
        names = self.names
        colours = dict.fromkeys(names, "c")
        done: list[str] = []
        for _ in range(2):
            colours = self.marked(colours, names, "@")
            ranks = {text: f"k{rank}" for rank, text in enumerate(sorted(set(colours.values())))}
            colours = {n: ranks[colours[n]] for n in names}
            if len(ranks) == len(names):
                return sorted(names, key=lambda n: int(colours[n][1:]))
        while len(done) < len(names):
            left = [n for n in names if n not in done]
            lowest = min(int(colours[n][1:]) for n in left)
            tied = [n for n in left if int(colours[n][1:]) == lowest]
            trial = self.marked(colours, tied, f"f{len(done)}")
            chosen = min(tied, key=lambda n: trial[n])
            done.append(chosen)
            colours[chosen] = f"f{len(done) - 1}"
            if len(tied) > 1:  # what was chosen tells its neighbours apart
                rest = [n for n in names if n not in done]
                marks = {
                    n: (int(colours[n][1:]), text) for n, text in self.marked(colours, rest, "@").items()
                }
                places = {mark: f"k{rank}" for rank, mark in enumerate(sorted(set(marks.values())))}
                colours.update({n: places[marks[n]] for n in rest})
        return done
