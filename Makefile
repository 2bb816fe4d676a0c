# Spanwise: `make chat` sets everything up and opens the chat; `make test` sets up and tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := build/peers-venv
DEMO   := --home .spanwise --collection seeds

# Two at a time: most tests wait for a process, a browser or the disk, not for each other.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: chat test test-all lint docs bench bench-peers reader calibrator setup setup-dev \
  setup-all clean

chat: setup ## index seeds/ and open the chat on 127.0.0.1:7860
	@$(BIN)/spanwise chat seeds $(DEMO) $(CHAT)

test: setup-dev ## everything that fits in minutes
	@$(PYTEST) -m "not slow" $(TESTS)

test-all: setup-all ## the slow tests too, and those with other frameworks
	@$(PYTEST) $(TESTS)

lint: setup-all
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: setup-all ## the reference in build/site, the manual page in build/man
	@$(BIN)/python -m sphinx -W --keep-going -q -d build/doctrees -b html docs build/site
	@$(BIN)/python -m sphinx -W --keep-going -q -d build/doctrees -b man docs build/man

bench: setup-dev ## speed and memory, side by side with a plain baseline; BENCH: sections
	@$(BIN)/python -m eval.bench $(BENCH)

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev
setup-all: $(VENV)/.installed-all

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Spanwise needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 chat") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# A torch that is already in the environment is kept, whatever its version; else the pinned one.
# pip's own settings (index, proxy, cache) reach it through the environment as always.
$(VENV)/constraints.txt: $(VENV)/bin/python constraints.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || { \
	  echo "Installing torch (without a CPU build at hand this is a large download, see README) ..."; \
	  $(BIN)/python -m pip install -q -c constraints.txt torch; }
	@grep -v '^torch==' constraints.txt > $@

$(VENV)/.installed: $(VENV)/constraints.txt pyproject.toml
	@echo "Installing Spanwise into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install -q -c $< -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install -q -c $(VENV)/constraints.txt -e ".[dev]"
	@touch $@

$(VENV)/.installed-all: $(VENV)/.installed-dev
	@echo "Installing the other frameworks for their tests ..."
	@$(BIN)/python -m pip install -q -c $(VENV)/constraints.txt -e ".[dev,frameworks]"
	@touch $@

bench-peers: setup-dev $(PEERS)/.installed ## beside plain code and Haystack; DATA: folder with dev/
	@$(BIN)/python -m eval.peers $(DATA) $(SAMPLE)

# An environment of its own over ours: torch and transformers are taken from there.
$(PEERS)/.installed: $(VENV)/.installed-dev
	@$(BIN)/python -m venv $(PEERS)
	@$(BIN)/python -c 'import sys; print(*(p for p in sys.path if p.endswith("-packages")), sep="\n")' > \
	  "$$($(PEERS)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/ours.pth"
	@$(PEERS)/bin/python -m pip install -q -c $(VENV)/constraints.txt haystack-ai transformers-haystack==2.0.0
	@touch $@

# What the shipped reader is made of and how; DATA is a folder with train/, dev/ and retrieval/.
reader: setup ## train the reader again (hours): make reader DATA=folder [RECIPE=--licensed-only]
	@test -n "$(DATA)" || { echo "Say where the data sets are: make reader DATA=folder"; exit 2; }
	$(BIN)/python -m rag.recipe $(DATA) build/reader $(RECIPE)

# The risk is that at which 5% of the right answers to the calibration questions are withheld.
calibrator: setup ## fit the shipped calibrator again; DATA is a folder with dev/ and train/
	@test -n "$(DATA)" || { echo "Say where the data sets are: make calibrator DATA=folder"; exit 2; }
	$(BIN)/python -m rag.recipe.calibration_set $(DATA) build/calibration
	$(BIN)/spanwise index build/calibration/docs --home build/calibration/home
	$(BIN)/spanwise calibrate build/calibration/calibration.jsonl --home build/calibration/home \
	  --max-risk 0.33 --out rag/models/reader/calibrator.json

clean: ## remove the environment and the demo's index
	rm -rf $(VENV) .spanwise build dist *.egg-info
