# make demo   train three models, export them, run them on a simulated Arduino Uno
# make test   everything that is tested
# make quick  what takes no long training and no random programs: under two minutes
# make check  style and types
# make docs   the documentation site, in site/; runs the tutorials for their pictures: some minutes
# Each creates .venv and installs what it needs; nothing outside this folder changes, except that compilers are
# installed with apt-get when run as root on Debian or Ubuntu.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
APT = gcc-avr avr-libc binutils-avr simavr libsimavr-dev libelf-dev arduino-core-avr g++ make
APT_OTHERS = g++-arm-linux-gnueabi gcc-arm-none-eabi libnewlib-arm-none-eabi g++-aarch64-linux-gnu gcc-xtensa-lx106 \
  picolibc-xtensa-lx106-elf gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-user qemu-system-arm \
  qemu-system-misc cmake clang chromium chromium-driver
OTHERS = arm-linux-gnueabi-g++ arm-none-eabi-g++ aarch64-linux-gnu-g++ xtensa-lx106-elf-g++ riscv64-unknown-elf-g++ \
  qemu-arm qemu-system-arm qemu-system-xtensa cmake clang++ chromedriver
BIN = $(VENV)/bin

.PHONY: demo test quick check docs tools other-tools second-simulator clean

demo: $(VENV)/.installed tools
	$(BIN)/edgealgos demo --out out

test: $(VENV)/.installed-dev tools other-tools second-simulator
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

quick: $(VENV)/.installed-dev tools
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not fuzz"

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed tools
	$(BIN)/python -m pip install -q -e ".[docs]"
	$(BIN)/python -m tools.docs

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update && apt-get install -y python3-venv; \
	  else echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -e ".[dev]"
	touch $@ $(VENV)/.installed

# Compilers and the simulator. Without root, says exactly what to install and goes on: tests that need a missing tool
# are skipped with the reason (and fail where CI=true).
tools:
	@if command -v avr-g++ >/dev/null && command -v g++ >/dev/null && [ -e /usr/include/simavr/sim_avr.h ] \
	    && [ -d /usr/share/arduino/hardware/arduino/avr ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(APT); \
	else \
	  echo "Some compilers or the simulator are missing. To get them on Debian or Ubuntu:"; \
	  echo "  sudo apt-get install $(APT)"; \
	  echo "Elsewhere: edgealgos doctor"; \
	fi

# The same for the other boards, which the demonstration does not need: over a gigabyte.
other-tools:
	@missing=; for tool in $(OTHERS); do command -v $$tool >/dev/null || missing=yes; done; if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(APT_OTHERS); \
	else \
	  echo "Tests on other boards than AVR and with a second compiler need more. To get it on Debian or Ubuntu:"; \
	  echo "  sudo apt-get install $(APT_OTHERS)"; \
	fi

# The second opinion on the simulator is a package of npm; `edgealgos doctor` looks for it there.
second-simulator: $(VENV)/.installed-dev
	@home=$$($(BIN)/python -c 'from edgealgos.codegen.build.tools import cache_folder; print(cache_folder() / "node")'); \
	if [ -e "$$home/node_modules/avr8js/package.json" ] && command -v node >/dev/null; then exit 0; fi; \
	if ! command -v npm >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nodejs npm; \
	fi; \
	if command -v npm >/dev/null; then npm install --no-fund --no-audit --prefix "$$home" avr8js; \
	else echo "Tests that compare two simulators need Node.js: sudo apt-get install nodejs npm"; fi

clean:
	rm -rf $(VENV) out build site dist *.egg-info
