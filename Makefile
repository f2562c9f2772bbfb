# Portolan. `make help` lists the targets. Objects go under $(BUILD); V=1 shows the commands.
SHELL := /bin/bash
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
BUILD ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(findstring clang,$(CC)),-clang)
comma := ,
PREFIX ?= /usr/local
BENCH_FOR ?= 5m
VERSION := $(shell cat VERSION)
DEPS_DIR ?= .deps
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' "$(1)" "$(2)")

PKGS := rdkafka sqlite3 yaml-0.1 jansson libmicrohttpd libseccomp libcurl libcrypto libssh
CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE -DPORTOLAN_VERSION='"$(VERSION)"' -DCL_TARGET_OPENCL_VERSION=300 $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# -Wshadow: a shadowed err or ctx hides a lost error. -Wvla: sizes from outside must not reach the stack.
# -Wmissing-prototypes: what is not in a header is static. -Wformat=2: format strings are literals.
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual -Wundef
WERROR ?= -Werror
OPT ?= -O2 -g
CFLAGS += -std=gnu17 $(OPT) $(WARN) $(WERROR) -pthread -fno-strict-aliasing -ffp-contract=off
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
# Every relocation is done before main, and its table read-only afterwards.
LDFLAGS += -pthread -Wl,-z,relro -Wl,-z,now
# Its headers are not written for our warnings.
GLIB_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags glib-2.0 2>/dev/null))
$(BUILD)/coordinator/sweep/zone.o: CPPFLAGS += $(GLIB_CFLAGS)
LIB_common := -lyaml -ljansson -lm
LIB_schemas := -ljansson
# The agent reaches nobody by SSH: --as-needed keeps libssh out of it.
LIB_fleet := -lrdkafka -lcrypto -Wl,--push-state,--as-needed -lssh -Wl,--pop-state
LIB_coordinator := -lsqlite3 -lmicrohttpd -lcurl -lglib-2.0
LIB_agent := -lseccomp
LIB_cli := -lcurl

# --- sources by layer -----------------------------------------------------------------------------------------------
find_c = $(sort $(shell find $(1) -name '*.c' -not -path '*/main_*' 2>/dev/null))
SRC_common := $(call find_c,common)
SRC_schemas := $(filter-out schemas/gen/%,$(call find_c,schemas))
SRC_problems := $(call find_c,problems)
SRC_fleet := $(call find_c,fleet)
SRC_coordinator := $(call find_c,coordinator)
SRC_agent := $(call find_c,agent-node/daemon agent-node/worker agent-node/commands)
SRC_runner := $(call find_c,agent-node/runner agent-node/backend)
SRC_cli := $(call find_c,cli)
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
OBJ_schemas := $(call obj,$(SRC_schemas)) $(BUILD)/gen/records.o
lib = $(BUILD)/lib$(1).a
LAYERS := common schemas problems fleet coordinator agent runner cli
ALL_OBJ := $(foreach l,$(filter-out schemas,$(LAYERS)),$(call obj,$(SRC_$(l)))) $(OBJ_schemas)

PROGRAMS := $(BUILD)/portolan $(BUILD)/portolan-agent $(BUILD)/portolan-runner

.PHONY: all build help
all: build
build: $(PROGRAMS) ## build the programs (default)

help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)
	@echo "  variables: CC=gcc|clang  SAN=address|undefined|thread  BUILD=dir  V=1  PREFIX=/usr/local"

$(BUILD)/%.o: %.c | $(BUILD)/gen/records.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define LIB_RULE
$(call lib,$(1)): $(if $(filter schemas,$(1)),$(OBJ_schemas),$(call obj,$(SRC_$(1))))
	$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call LIB_RULE,$(l))))

# --- generated: records from the .avsc --------------------------------------------------------------------------------
# The generator may include common/json-free parts only: it is built before records.h exists.
AVSC := $(sort $(wildcard schemas/*.avsc))
$(BUILD)/avsc-gen: schemas/gen/avsc_gen.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu17 -O1 -g $(WARN) $(WERROR) -I. $< -o $@ -ljansson
$(BUILD)/gen/records.h: $(BUILD)/avsc-gen $(AVSC)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(BUILD)/avsc-gen $(BUILD)/gen $(AVSC)
$(BUILD)/gen/records.c: $(BUILD)/gen/records.h
$(BUILD)/gen/records.o: $(BUILD)/gen/records.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# --- programs ------------------------------------------------------------------------------------------------------------
L_common := $(call lib,common)
L_schemas := $(call lib,schemas) $(L_common)
L_problems := $(call lib,problems) $(L_schemas)
L_fleet := $(call lib,fleet) $(L_problems)
L_coordinator := $(call lib,coordinator) $(L_fleet)
L_agent := $(call lib,agent) $(L_fleet)
LIBS_problems := $(LIB_schemas) $(LIB_common)
LIBS_fleet := $(LIB_fleet) $(LIBS_problems)

$(BUILD)/portolan: $(call obj,cli/main_portolan.c) $(call lib,cli) $(L_coordinator)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIB_coordinator) $(LIB_cli) $(LIBS_fleet)
$(BUILD)/portolan-agent: $(call obj,agent-node/main_agent.c) $(L_agent)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIB_agent) $(LIBS_fleet)
# The runner loads drivers and candidates: nothing of the judge's is linked into it (no problems, no fleet).
$(BUILD)/portolan-runner: $(call obj,agent-node/main_runner.c) $(call lib,runner) $(L_common)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lOpenCL -lseccomp $(LIB_common) -ldl

include tests/tests.mk
-include $(ALL_OBJ:.o=.d) $(BUILD)/cli/main_portolan.d $(BUILD)/agent-node/main_agent.d $(BUILD)/agent-node/main_runner.d

# --- what people run -----------------------------------------------------------------------------------------------------
.PHONY: deps demo check ci lint bench margins install uninstall deb clean fuzz format
deps: ## install what building, the demo and the tests need (apt, Maven, PyPI) and say what
	$(Q)DEPS_DIR=$(DEPS_DIR) tools/deps check

demo: ## one command on a fresh machine: install, build, run a real porting campaign on every OpenCL driver here
	$(Q)tools/deps build
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) build
	$(Q)$(BUILD)/portolan demo

check: ## what a user runs: install the tests' needs, build, unit tests, fuzz seeds, integration on Apache Kafka
	$(Q)DEPS_DIR=$(DEPS_DIR) tools/deps check
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) build unit-build seeds-build tools-build
	$(Q)BUILD=$(BUILD) DEPS_DIR=$(DEPS_DIR) tests/run-check

ci: ## make check, lint, clang and the sanitizers
	$(Q)DEPS_DIR=$(DEPS_DIR) tools/deps ci
	$(Q)$(MAKE) --no-print-directory lint
	$(Q)DEPS_DIR=$(DEPS_DIR) tests/run-ci

lint: ## layers, formatting, static analysis, shell scripts, units and packages
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) deb
	$(Q)BUILD=$(BUILD) tools/lint

format: ## reformat the C files
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

bench: build tools-build ## measure, on an idle machine: the plane beside Celery, overhead, phases, verification's share, how far times can be believed (BENCH_FOR=60m)
	$(Q)DEPS_DIR=$(DEPS_DIR) tools/deps bench
	$(Q)BUILD=$(BUILD) DEPS_DIR=$(DEPS_DIR) tests/bench/throughput
	$(Q)BUILD=$(BUILD) tests/bench/run
	$(Q)BUILD=$(BUILD) tests/bench/verification
	$(Q)BUILD=$(BUILD) DEPS_DIR=$(DEPS_DIR) tests/bench/regressions
	$(Q)BUILD=$(BUILD) tests/bench/run aa --for $(BENCH_FOR)
	$(Q)BUILD=$(BUILD) tests/bench/run ab --for $(BENCH_FOR)

margins: build ## write docs/margins.md: honest and dishonest arithmetic against the tolerance, on every problem
	$(Q)BUILD=$(BUILD) tools/margins

install: build ## install programs, problems, kernels and completion under PREFIX (DESTDIR is honoured)
	$(Q)BUILD=$(BUILD) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) tools/install

uninstall: ## remove what install put there
	$(Q)PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) tools/install --remove

deb: build ## make the Debian packages portolan and portolan-agent in build/deb
	$(Q)BUILD=$(BUILD) tools/deb

clean: ## remove what was built
	$(Q)rm -rf build build-*
