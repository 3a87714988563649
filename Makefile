# plait. `make help` lists the targets. The first run makes .venv and build/; later runs rebuild only what changed.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
            $(if $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(p))) python3)
JOBS ?= $(shell nproc)
VENV ?= .venv
BUILD ?= build/release
export PYTHON

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -q
CMAKE := $(VENV)/bin/cmake
STAMPS := $(VENV)/.stamps
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help demo test bench gpu-check lint format tidy sanitize cuda-suite cuda-racecheck parity emit build wheel clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up ------------------------------------------------------------------------------------------------------------
$(STAMPS)/venv: tools/setup.sh
	@bash tools/setup.sh
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

# One stamp for the build's requirements and one for each extra of pyproject.toml.
$(STAMPS)/req-%: pyproject.toml tools/requirements.py $(STAMPS)/venv
	@echo "installing the Python packages for: $*"
	@$(PY) tools/requirements.py $* > $(STAMPS)/$*.txt
	@$(PIP) -r $(STAMPS)/$*.txt
	@touch $@
.PRECIOUS: $(STAMPS)/req-%

# --- build -------------------------------------------------------------------------------------------------------------
# NVIDIA's headers, where there is a CUDA compiler to use them. Of cuDNN's front end nothing but headers is wanted: its package asks
# for gigabytes.
CUDA := $(if $(shell command -v nvcc 2>/dev/null),$(STAMPS)/cudnn-frontend)
$(STAMPS)/cudnn-frontend: $(STAMPS)/req-cuda
	@$(PIP) --no-deps nvidia-cudnn-frontend==1.32.0
	@touch $@

$(BUILD)/build.ninja: $(STAMPS)/req-build $(CUDA)
	@$(CMAKE) -S . -B $(BUILD) -G Ninja --log-level=NOTICE -DPython_EXECUTABLE=$(CURDIR)/$(PY) \
	  -DCMAKE_BUILD_TYPE=Release -DPLAIT_TESTS=ON -DPLAIT_WERROR=ON $(CMAKE_FLAGS)

build: $(BUILD)/build.ninja ## build the libraries and the Python package (build/release/python)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS)
	@echo "$(CURDIR)/$(BUILD)/python" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/plait-build.pth"

# --- run ---------------------------------------------------------------------------------------------------------------
demo: build $(STAMPS)/req-examples ## train a CNN on handwritten digits: curves and misread digits are saved as PNG
	@$(PY) examples/digits.py $(ARGS)

# The pytest summary comes last.
PYTEST = $(PY) -m pytest -q $$($(PY) -c 'import xdist; print("-n 2")' 2>/dev/null)
test: build $(STAMPS)/req-test $(STAMPS)/req-examples ## C++ tests (ctest) and Python tests (pytest)
	@cpp=0; $(VENV)/bin/ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS) || cpp=$$?; \
	python=0; $(PYTEST) $(ARGS) || python=$$?; \
	if [ $$cpp != 0 ]; then echo "make test: the C++ tests failed, see above" >&2; fi; exit $$((cpp + python))

bench: build $(STAMPS)/req-bench ## measure plait, beside PyTorch where it is installed
	@$(PY) benchmarks/run.py $(ARGS)

# On a bare machine with a GPU: its own python3, no virtual environment, no network.
PARTS ?= build,test,ops,train
gpu-check: ## on a machine with a GPU: build for it, test, measure (PARTS=build,test,ops,train)
	@PARTS=$(PARTS) $(PYTHON) tools/gpu_check.py $(ARGS)

# --- checks ------------------------------------------------------------------------------------------------------------
lint: $(STAMPS)/req-lint ## clang-format, ruff, mypy and the project's own rules
	@$(PY) tools/lint.py

format: $(STAMPS)/req-lint ## reformat the C++ sources
	@$(PY) tools/lint.py --fix

tidy: build ## clang-tidy on the C++ sources (slow)
	@bash tools/tidy.sh $(BUILD) $(JOBS) $(ARGS)

# With SANITIZE=thread, the emulator of CUDA is left out: it switches stacks, which that sanitizer does not follow.
SANITIZE ?= address,undefined
SANITIZE_BUILD ?= $(if $(filter thread,$(SANITIZE)),build/tsan,build/sanitize)
$(SANITIZE_BUILD)/build.ninja: $(STAMPS)/req-build
	@$(CMAKE) -S . -B $(SANITIZE_BUILD) -G Ninja --log-level=NOTICE -DPython_EXECUTABLE=$(CURDIR)/$(PY) \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPLAIT_TESTS=ON -DPLAIT_WERROR=OFF -DPLAIT_CUDA=OFF -DPLAIT_SANITIZE=$(SANITIZE) $(if $(filter thread,$(SANITIZE)),-DPLAIT_CUDA_EMULATOR=OFF)

sanitize: $(SANITIZE_BUILD)/build.ninja $(STAMPS)/req-test $(STAMPS)/req-examples ## C++ and Python tests with the address and undefined-behaviour sanitizers (SANITIZE=thread: with that one)
	@$(CMAKE) --build $(SANITIZE_BUILD) --parallel $(JOBS)
	@bash tools/sanitize.sh $(SANITIZE_BUILD) $(PY) $(ARGS)

cuda-suite: build $(STAMPS)/req-test ## tests written for the CPU, with CUDA as the default device: a GPU, or the emulator
	@export PYTHONPATH=tools; $(PYTEST) -p cuda_suite $(ARGS) $$($(PY) tools/cuda_suite.py)

cuda-racecheck: $(BUILD)/build.ninja $(STAMPS)/req-test ## races and stray accesses of CUDA kernels, found on the emulator (ARGS: pytest's)
	@$(CMAKE) -B $(BUILD) --log-level=NOTICE -DPLAIT_CUDA_RACECHECK=ON > /dev/null
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS)
	@$(CMAKE) --build $(BUILD) --parallel $(JOBS) --target plait_cuda_racecheck
	@bash tools/racecheck.sh $(BUILD) $(PY) $(ARGS)

parity: build ## PyTorch's own test databases against plait (ARGS='--torch-python PATH [database ...]')
	@$(PY) tools/torch_samples.py $(ARGS)

emit: build ## regenerate ops/decl, the type stubs and docs/reference/ops.md from the registry
	@$(PY) tools/emit.py $(ARGS)

# WHEEL_BUILD=build/release packs what stands there, in place of a build of its own.
wheel: $(STAMPS)/req-build $(CUDA) ## build a wheel into dist/, install it into a fresh environment and import it
	@bash tools/wheel.sh $(PYTHON) $(WHEEL_BUILD)

clean: ## remove the builds (not .venv)
	rm -rf build dist
