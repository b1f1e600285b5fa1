# make          builds build/meap (with all its set-up)
# make demo     runs the main job: NTP and MEAP on a synthetic corpus, and compares them
# make test     passes the tests
# make bench    measures the training step against its peers, and MEAP against NTP
BUILD ?= build
# Names your own torch (CPU or CUDA): make MEAP_TORCH=/path/to/site-packages/torch
MEAP_TORCH ?=
export MEAP_TORCH
JOBS ?= $(shell nproc)
PYTHON := .venv/bin/python

.PHONY: all setup configure demo test bench check check-slow fuzz docs format clean

all: configure
	@cmake --build $(BUILD) --target meap -j $(JOBS)

setup:
	@tools/setup.sh

configure: setup
	@cmake -S . -B $(BUILD) -G Ninja $(if $(MEAP_TORCH),-DMEAP_TORCH=$(MEAP_TORCH)) > $(BUILD).log 2>&1 \
	  || { cat $(BUILD).log; exit 1; }

demo: all
	@tools/demo.sh $(BUILD)/meap runs/demo

test:
	@tools/setup.sh --tests
	@$(MAKE) --no-print-directory configure
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure
	@$(PYTHON) -m pytest -q tests/e2e tests/parity

bench: configure
	@tools/setup.sh --tests
	@cmake --build $(BUILD) --target meap step_bench -j $(JOBS)
	@$(PYTHON) bench/step.py --build $(BUILD); missed=$$?; \
	  $(PYTHON) bench/meap_cost.py --build $(BUILD) && exit $$missed

check: configure
	@tools/setup.sh --tests
	@$(PYTHON) tools/check_layers.py
	@$(PYTHON) tools/check_sizes.py
	@tools/check_format.sh
	@if grep -q '^MEAP_NVCC:.*nvcc$$' $(BUILD)/CMakeCache.txt; then cmake --build $(BUILD) --target gpu_kernels -j $(JOBS); \
	  else echo "GPU kernels: no nvcc, not compiled"; fi
	@tools/check_tidy.sh $(BUILD)

check-slow: test
	@MEAP_SLOW=1 $(PYTHON) -m pytest -q tests/e2e tests/parity
	@tools/check_tidy.sh $(BUILD) --all
	@for study in recipes/experiments/retrieval-forming*.yaml; do $(BUILD)/meap experiment $$study --jobs 2 || exit 1; done

# Each target for FUZZ_SECONDS under ASan and UBSan; a finding stops it and leaves the input in build-fuzz/.
FUZZ_SECONDS ?= 600
FUZZERS := tokenizer_json_fuzz data_readers_fuzz data_shard_fuzz jinja_fuzz
fuzz: setup
	@tools/setup.sh --fuzz
	@cmake -S . -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++-14 -DMEAP_FUZZ=ON > /dev/null
	@cmake --build build-fuzz -j $(JOBS) --target $(FUZZERS)
	@cd build-fuzz && for target in $(FUZZERS); do \
	  mkdir -p corpus/$$target && ./$$target -max_total_time=$(FUZZ_SECONDS) corpus/$$target || exit 1; done

docs: all
	@$(PYTHON) tools/options_page.py $(BUILD)/meap > docs/options.md

format:
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format -i

clean:
	@rm -rf $(BUILD)
