"""From an answer to a draft with the name of its own law; what was tried before, in any spelling, is turned down."""

from __future__ import annotations

import re
from dataclasses import replace

from evaluator import contract
from harness.proposers.facts import TaskFacts
from harness.proposers.formula.proposer import free_draft
from harness.proposers.formula.render import is_rendered
from harness.proposers.llm.edits import Edited, Parts, Unusable, read_answer
from harness.proposers.llm.lawline import BadLawLine, law_draft
from harness.proposers.llm.reading import law_of
from harness.proposers.llm.stated import Stated, named, parsed, with_docstring, without_comments
from harness.proposers.llm.thoughts import answer_of, only_thoughts
from harness.proposers.llm.trees import tree_key
from harness.search.candidate import Candidate, Draft

_FENCED = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.M | re.S)


class Answers:
    """Reads answers, and remembers what they brought.

    Args:
        facts: facts of the training rows.
        title: of the task.
    """

    def __init__(self, facts: TaskFacts, title: str) -> None:
        self.facts = facts
        self.title = title
        self._trees: dict[str, str] = {}
        self._laws: dict[str, str] = {}

    def read(self, text: str, parent: str, edit: str) -> Draft | Unusable:
        """The draft in an answer. Never raises.

        Args:
            parent: program the answer changes.
            edit: how it came about.
        """
        try:
            return self._read(text, parent, edit)
        except Exception as error:  # whatever an answer makes a reader do is the answer's fault
            return Unusable(
                "unreadable", f"the answer can't be read ({type(error).__name__}); say it plainly"
            )

    def _read(self, text: str, parent: str, edit: str) -> Draft | Unusable:
        if only_thoughts(text):
            return Unusable("thoughts only", "expected an answer after the thoughts; give the LAW line alone")
        said = answer_of(text)
        stated = Stated.of_answer(said)
        edited = read_answer(text, parent)
        if isinstance(edited, Edited):
            return self._free(edited, stated, edit)
        if edited.reason == "prose only":
            stated = stated if stated.law else replace(stated, law=self._bare_law(said))
            if stated.law:
                return self._law(stated, edit)
        return edited

    def _bare_law(self, text: str) -> str:
        """A law that stands alone in a fence, or is all there is."""
        texts = [body.strip() for _, body in _FENCED.findall(text)] or [text.strip()]
        lines = [t.strip("`$ ") for t in texts if "\n" not in t]
        return next((t for t in lines if parsed(t, self.facts) is not None and set("+-*/^") & set(t)), "")

    def _law(self, stated: Stated, edit: str) -> Draft | Unusable:
        try:
            draft = law_draft(stated, self.facts, self.title, edit)
        except BadLawLine as error:
            return Unusable("bad law", str(error))
        broken = contract.check(draft.program)
        if broken is not None:
            return Unusable(broken.failure.value, broken.detail)
        return self._new(draft)

    def _free(self, edited: Edited, stated: Stated, edit: str) -> Draft | Unusable:
        """A program of a model: it carries what was said of it, and no docstring of another."""
        program = edited.program
        if is_rendered(program, self.facts):
            return self._new(replace(free_draft(program, self.facts), edit=edit))
        parts = Parts.of(program)
        block = without_comments(parts.block).lstrip("\n")
        read = law_of(program, self.facts.names)[0]
        title = edited.docstring or stated.law or read or "A program by a model, which stated no law."
        program = with_docstring(parts.head, title) + stated.comments() + block + parts.tail
        broken = contract.check(program)
        if broken is not None:
            return Unusable(broken.failure.value, broken.detail)
        law = named(stated, read, self.facts, None)
        return self._new(Draft(program, f"tree {tree_key(program)}", law, edit=edit, constants=()))

    def _new(self, draft: Draft) -> Draft | Unusable:
        key = tree_key(draft.program)
        if key in self._trees:
            return Unusable("same program", f"the syntax tree is that of {self._trees[key]}")
        same = (
            draft.key
            if draft.law and not draft.key.startswith("tree ")
            else law_of(draft.program, self.facts.names)[1]
        )
        if same and same in self._laws:
            return Unusable("same law", f"law and fit are those of {self._laws[same]}, spelt differently")
        return draft

    def met(self, candidate: Candidate) -> None:
        """A candidate exists; later answers that repeat it are turned down. Never raises."""
        try:
            self._trees.setdefault(tree_key(candidate.program), candidate.id)
            law = law_of(candidate.program, self.facts.names)[1]
        except Exception:  # a program that can't be read fails in the evaluator, with a better message
            return
        for key in (law, candidate.draft.key):
            if key:
                self._laws.setdefault(key, candidate.id)

    def name(self, candidate: Candidate, agrees: bool | None) -> str:
        """The law a candidate goes by, now that it is known whether it computes what was said."""
        if candidate.law and not candidate.draft.key.startswith("tree "):
            return candidate.law
        read = law_of(candidate.program, self.facts.names)[0]
        return named(Stated.of_program(candidate.program), read, self.facts, agrees)
