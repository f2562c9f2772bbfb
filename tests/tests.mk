# Unit tests: tests/unit/<layer>/test_*.c, one binary each, linked with that layer and those below it.
UNIT_SRC := $(sort $(shell find tests/unit -name 'test_*.c'))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
# $(1) layer, $(2) libraries (archives), $(3) system libraries
define UNIT_RULE
$(BUILD)/unit/$(1)/%: tests/unit/$(1)/%.c $(2) | $(BUILD)/gen/records.h
	$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -MMD -MP $(LDFLAGS) -o $$@ $$< $(wildcard tests/lib/*.c) $(2) -lcmocka $(3)
endef
$(eval $(call UNIT_RULE,common,$(L_common),$(LIB_common)))
$(eval $(call UNIT_RULE,schemas,$(L_schemas),$(LIBS_problems)))
$(eval $(call UNIT_RULE,problems,$(L_problems),$(LIBS_problems)))
$(eval $(call UNIT_RULE,fleet,$(L_fleet),$(LIBS_fleet)))
$(eval $(call UNIT_RULE,coordinator,$(L_coordinator),$(LIB_coordinator) $(LIBS_fleet)))
$(eval $(call UNIT_RULE,agent-node,$(L_agent),$(LIB_agent) $(LIBS_fleet)))
$(eval $(call UNIT_RULE,runner,$(call lib,runner) $(L_common),-lOpenCL -lseccomp $(LIB_common) -ldl))
$(eval $(call UNIT_RULE,cli,$(call lib,cli) $(L_coordinator),$(LIB_coordinator) $(LIB_cli) $(LIBS_fleet)))
-include $(UNIT_BIN:=.d)

.PHONY: unit
unit: $(UNIT_BIN) build ## build and run the unit tests
	$(Q)BUILD=$(BUILD) tests/run-unit $(UNIT_BIN)
