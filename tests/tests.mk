# Unit tests: tests/unit/<layer>/test_*.c, one binary each, linked with that layer and those below it.
UNIT_SRC := $(sort $(shell find tests/unit -name 'test_*.c'))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
# $(1) layer, $(2) libraries (archives), $(3) system libraries
define UNIT_RULE
$(BUILD)/unit/$(1)/%: tests/unit/$(1)/%.c $(2) | $(BUILD)/gen/records.h
	$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP -MF $$@.d -MT $$@ $(LDFLAGS) -o $$@ $(wildcard tests/lib/*.c) $$< $(2) -lcmocka $(3)
endef
$(eval $(call UNIT_RULE,common,$(L_common),$(LIB_common)))
$(eval $(call UNIT_RULE,schemas,$(L_schemas),-lavro $(LIBS_problems)))
$(eval $(call UNIT_RULE,problems,$(L_problems),$(LIBS_problems)))
$(eval $(call UNIT_RULE,fleet,$(L_fleet),$(LIBS_fleet)))
$(eval $(call UNIT_RULE,coordinator,$(L_coordinator),$(LIB_coordinator) $(LIBS_fleet)))
$(eval $(call UNIT_RULE,agent-node,$(L_agent),$(LIB_agent) $(LIBS_fleet)))
$(eval $(call UNIT_RULE,runner,$(call lib,runner) $(L_common),-lOpenCL -lseccomp $(LIB_common) -ldl))
$(eval $(call UNIT_RULE,cli,$(call lib,cli) $(L_coordinator),$(LIB_coordinator) $(LIB_cli) $(LIBS_fleet)))
# Attacks of our own on this design (tests/attacks/README.md): unit tests over real runners in an attacker's hands.
ATTACK_BIN := $(patsubst tests/attacks/%.c,$(BUILD)/unit/attacks/%,$(sort $(wildcard tests/attacks/test_*.c)))
UNIT_BIN += $(ATTACK_BIN)
$(BUILD)/unit/attacks/%: tests/attacks/%.c $(call lib,cli) $(call lib,coordinator) $(call lib,agent) $(L_fleet) $(BUILD)/tools/hostile_runner | $(BUILD)/gen/records.h
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests -Itests/unit/agent-node $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(call lib,cli) $(call lib,coordinator) $(call lib,agent) $(L_fleet) -lcmocka $(LIB_coordinator) $(LIB_agent) $(LIB_cli) $(LIBS_fleet)
# The runner with functions of its own replaced: archives give only what is still missing.
HOSTILE_SRC := $(sort $(wildcard tests/attacks/hostile_*.c))
$(BUILD)/tools/hostile_runner: $(HOSTILE_SRC) tests/attacks/hostile.h $(call obj,agent-node/main_runner.c) $(call lib,runner) $(L_common)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(HOSTILE_SRC) $(call obj,agent-node/main_runner.c) $(call lib,runner) $(L_common) -lOpenCL -lseccomp $(LIB_common) -ldl
# The runner as it would be without RELRO, its imports writable: what tests/forgery attacks, so that what the worker sees is tested, too.
$(BUILD)/tools/writable_runner: $(call obj,agent-node/main_runner.c) $(call lib,runner) $(L_common)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,norelro -Wl,-z,lazy -o $@ $^ -lOpenCL -lseccomp $(LIB_common) -ldl
-include $(UNIT_BIN:=.d)

.PHONY: unit
unit: $(UNIT_BIN) build ## build and run the unit tests
	$(Q)BUILD=$(BUILD) tests/run-unit $(UNIT_BIN)
.PHONY: unit-build seeds-build tools-build seeds
unit-build: $(UNIT_BIN)

# Fuzz targets: with clang's libFuzzer for `make fuzz`; with a plain main that replays the seeds for `make check`.
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAME := $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC))
SEED_BIN := $(patsubst %,$(BUILD)/seeds/%,$(FUZZ_NAME))
L_all := $(call lib,coordinator) $(call lib,agent) $(L_fleet)
LIBS_all := $(LIB_coordinator) $(LIB_agent) $(LIBS_fleet) $(LIB_cli)
$(BUILD)/seeds/%: tests/fuzz/%.c tests/fuzz/standalone.c $(L_all)
	$(call say,SEEDS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< tests/fuzz/standalone.c $(L_all) $(LIBS_all)
seeds-build: $(SEED_BIN)
seeds: seeds-build ## replay the fuzz targets' seed files
	$(Q)BUILD=$(BUILD) tests/run-seeds $(FUZZ_NAME)

FUZZ_SECONDS ?= 60
fuzz: ## fuzz every parser for FUZZ_SECONDS each (clang, libFuzzer, ASan + UBSan)
	$(Q)$(MAKE) --no-print-directory CC=clang BUILD=build-fuzz SAN=fuzzer-no-link,address,undefined fuzz-bin
	$(Q)for t in $(FUZZ_NAME); do mkdir -p build-fuzz/corpus/$$t; \
	  build-fuzz/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -print_final_stats=1 build-fuzz/corpus/$$t tests/fuzz/seeds/$${t#fuzz_} || exit 1; done
.PHONY: fuzz-bin
fuzz-bin: $(patsubst %,$(BUILD)/fuzz/%,$(FUZZ_NAME))
$(BUILD)/fuzz/%: tests/fuzz/%.c $(L_all)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $< $(L_all) $(LIBS_all)

# Small programs that the integration scripts use.
TOOL_SRC := $(sort $(wildcard tests/tools/*.c))
TOOL_BIN := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(TOOL_SRC))
$(BUILD)/tools/%: tests/tools/%.c $(L_all)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(L_all) $(LIBS_all) -lOpenCL
# Libraries for LD_PRELOAD. Never sanitised: what they are loaded into brings its own runtime.
SHIMS := $(patsubst tests/shims/%.c,$(BUILD)/shims/%.so,$(sort $(wildcard tests/shims/*.c)))
$(BUILD)/shims/%.so: tests/shims/%.c
	$(call say,SHIM,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 $(OPT) $(WARN) $(WERROR) -D_GNU_SOURCE -fPIC -shared -pthread -o $@ $< -ldl
# The simulated fleet: many files, one program.
SIM_OBJ := $(call obj,$(sort $(wildcard tests/sim/*.c)))
$(BUILD)/tools/sim_fleet: $(SIM_OBJ) $(L_all)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(SIM_OBJ) $(L_all) $(LIBS_all)
tools-build: $(TOOL_BIN) $(BUILD)/tools/sim_fleet $(BUILD)/tools/writable_runner $(SHIMS)
-include $(TOOL_BIN:=.d) $(SIM_OBJ:.o=.d)

.PHONY: soak
soak: build tools-build ## the long forms of the fault and scale tests, one after the other: every executable in tests/soak/ (hours)
	$(Q)DEPS_DIR=$(DEPS_DIR) tools/deps soak
	$(Q)BUILD=$(BUILD) DEPS_DIR=$(DEPS_DIR) tests/run-soak
# The agent with its worker replaced in the same way: what is left is the plane (tests/bench/throughput).
$(BUILD)/tools/noop_agent: tests/bench/noop_agent.c $(call lib,agent) $(L_fleet) | $(BUILD)/gen/records.h
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(call lib,agent) $(L_fleet) $(LIB_agent) $(LIBS_fleet)
$(BUILD)/tools/try_load: tests/bench/try_load.c $(call lib,cli) $(L_all) | $(BUILD)/gen/records.h
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(call lib,cli) $(L_all) $(LIBS_all)
tools-build: $(BUILD)/tools/noop_agent $(BUILD)/tools/try_load
-include $(BUILD)/tools/noop_agent.d $(BUILD)/tools/try_load.d
