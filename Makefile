# Every target calls one script; the scripts say what they do at their top.

.PHONY: help demo demo-clean test test-all test-unit test-sanity test-molecule lint faults vm fleet-cost bench bench-report clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## Deploy a real app to a Pi-sized host in a container, under load, three releases long
	@lab/setup
	@.venv/bin/python demo/run.py

demo-clean:  ## Remove all that `make demo` made
	@lab/clean demo

test:  ## The tests; PARTS=unit,lint for some (tests/run --help)
	@tests/run $(if $(PARTS),--parts $(PARTS))

test-all:  ## All of them, the long ones too (an hour and a half); not `make faults` and `make vm`
	@tests/run --parts all

test-unit:  ## Only the unit tests
	@tests/run --parts unit

test-sanity:  ## Only ansible-test sanity
	@tests/run --parts sanity

test-molecule:  ## Only the scenarios; SCENARIO=rollback for one
	@tests/run --parts molecule $(if $(SCENARIO),--scenario $(SCENARIO))

lint:  ## Only the linters
	@tests/run --parts lint

faults:  ## Every fault at every phase of a deployment (an hour); goes on where it stopped; ONLY=kill:health FRESH=1 HOSTS=3
	@lab/setup all field venv-runner
	@.venv/bin/python tests/faults/run.py $(if $(ONLY),--only '$(ONLY)') $(if $(HOSTS),--hosts '$(HOSTS)') \
		$(if $(FRESH),--fresh) $(if $(AGAIN),--again)

vm:  ## Power cuts and clock jumps on an emulated computer (an hour and more); ARCH=amd64: quicker; CELLS=…
	@lab/setup venv vm-$(or $(ARCH),arm64)
	@.venv/bin/python tests/vm/run.py --arch $(or $(ARCH),arm64) $(if $(CELLS),--cells '$(CELLS)')

fleet-cost:  ## What one, five and ten hosts cost the controller (a quarter of an hour)
	@lab/setup
	@.venv/bin/python tests/fleet/cost.py

bench:  ## Measure ways to deploy (over an hour); WAYS=ours-stop,plain SETTINGS=half-color RUNS=1: a part; CONTINUE=1
	@lab/setup
	@.venv/bin/python bench/run.py $(if $(WAYS),--ways '$(WAYS)') $(if $(SETTINGS),--settings '$(SETTINGS)') \
		$(if $(RUNS),--runs '$(RUNS)') $(if $(CONTINUE),--continue)

bench-report:  ## Write the benchmark's report again, from what was measured
	@.venv/bin/python bench/run.py --report-only

clean:  ## Remove all that the demo and the tests made, but not the Docker Engine
	@lab/clean all
