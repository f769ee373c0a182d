# Every target calls one script, sessions of noxfile.py, or pytest on a folder; these say what they do at their top.

NOX := .venv/bin/nox
# Two at a time, each printed as a whole, and all of them whatever fails.
BESIDE := $(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target

.PHONY: help demo demo-clean test test-all test-unit test-unit-long test-sanity test-system test-system-long test-molecule lint \
	build faults vm fleet-cost bench bench-report clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## Deploy a real app to a Pi-sized host in a container, under load, three releases long
	@lab/setup
	@.venv/bin/python demo/run.py

demo-clean:  ## Remove all that `make demo` made
	@lab/clean demo

test:  ## The tests (25 minutes); the linters and the unit tests beside those that need Docker
	@lab/setup
	@$(BESIDE) test-system test-unit lint build test-sanity

test-all:  ## All of them, the long ones too (two hours); not `make faults` and `make vm`
	@lab/setup
	@$(BESIDE) test-system-long test-unit-long lint build test-sanity

test-unit:  ## Only the unit tests
	@lab/setup venv
	@$(NOX) -s unit

test-unit-long:
	@lab/setup venv
	@$(NOX) -s unit_long unit_oldest

test-sanity:  ## Only ansible-test sanity
	@lab/setup venv
	@$(NOX) -s sanity

# With the + its lines are printed as they come.
test-system:  ## Only what needs Docker: real servers, and deployments to Pi-sized hosts
	@lab/setup
	+@$(NOX) -s system

test-system-long:
	@lab/setup
	+@$(NOX) -s system_long

test-molecule:  ## Only Molecule's scenarios, the long ones too; SCENARIO=rollback for one
	@lab/setup
	@.venv/bin/pytest tests/system/molecule -v --numprocesses 3 --dist loadgroup $(if $(SCENARIO),-k '[$(SCENARIO)]')

lint:  ## Only the linters
	@lab/setup venv
	@$(NOX) -s lint extra-checks

build:  ## Only the build of the collection, and its import as by Galaxy
	@lab/setup venv
	@$(NOX) -s build

# kill:health,power is [kill:health] or [power: in the names of the tests.
faults:  ## Every fault at every phase of a deployment (an hour); goes on where it stopped; ONLY=kill:health,power FRESH=1 HOSTS=3
	@lab/setup all field venv-runner
	@$(if $(FRESH),rm -f tests/system/faults/.run/results.jsonl)
	@.venv/bin/pytest tests/system/faults --matrix -v -n $(or $(HOSTS),3) --dist worksteal $(if $(ONLY),-k \
		"$$(echo '$(ONLY)' | sed -E 's/[^, ]+/[&]/g; s/\[([^]:]+)\]/[\1:/g; s/,/ or /g')")

vm:  ## Power cuts and clock jumps on an emulated computer (half an hour); ARCH=amd64: quicker; CELLS=… KEEP=1
	@lab/setup venv vm-$(or $(ARCH),arm64)
	@.venv/bin/pytest tests/system/vm -v -s --arch $(or $(ARCH),arm64) $(if $(CELLS),--cells '$(CELLS)') $(if $(KEEP),--keep)

fleet-cost:  ## What one, five and ten hosts cost the controller (a quarter of an hour)
	@lab/setup
	@.venv/bin/python tests/system/fleet/cost.py

bench:  ## Measure ways to deploy (an hour); WAYS=ours-stop,plain SETTINGS=half-color RUNS=1: a part; CONTINUE=1
	@lab/setup
	@.venv/bin/python bench/run.py $(if $(WAYS),--ways '$(WAYS)') $(if $(SETTINGS),--settings '$(SETTINGS)') \
		$(if $(RUNS),--runs '$(RUNS)') $(if $(CONTINUE),--continue)

bench-report:  ## Write the benchmark's report again, from what was measured
	@.venv/bin/python bench/run.py --report-only

clean:  ## Remove all that the demo and the tests made, but not the Docker Engine
	@lab/clean all
