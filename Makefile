# visclf: image classification in PostgreSQL
#
#   make, make install     build and install the extension (PGXS)
#   make demo              set this machine up, train on generated adverts, count
#   make check             set this machine up, run every test that needs no GPU
#   make device-check DEVICE=cpu|cuda   a device against the oracle, no server
#
# demo and check install what is missing through apt, as root or with sudo.

EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" visclf.control)
PG_CONFIG ?= pg_config
DEVICE ?= cpu

ENGINE = $(patsubst %.c,%.o,$(wildcard engine/*.c))
CPU = $(patsubst %.c,%.o,$(wildcard cpu/*.c))

# What engine/ and cpu/ are compiled with, in the extension and outside it.
KERNEL_CFLAGS = -std=gnu11 -O3 -fopenmp -fno-math-errno -Wall -Wextra -Wmissing-prototypes
KERNEL_LIBS = -ldnnl -ljpeg -lpthread -ldl -lm

ifneq (,$(filter demo check,$(MAKECMDGOALS)))

.PHONY: demo check
demo:
	demo/run
check:
	test/run

else

EXTENSION = visclf
MODULE_big = visclf
OBJS = $(patsubst %.c,%.o,$(wildcard extension/*.c)) $(ENGINE) $(CPU)
DATA_built = visclf--$(EXTVERSION).sql
DATA = $(wildcard sql/visclf--*--*.sql)
PG_CFLAGS = $(KERNEL_CFLAGS) -Wno-declaration-after-statement -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(KERNEL_LIBS) -fopenmp -Wl,--version-script=extension/visclf.map
EXTRA_CLEAN = build visclf--$(EXTVERSION).sql

REGRESS = setup image_info train classify rights bad_calls
REGRESS_OPTS = --inputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec))
ISOLATION_OPTS = --inputdir=test --outputdir=./

# Inlining into SQL expressions gains nothing for functions of this size.
override with_llvm = no

ifneq (,$(shell command -v $(PG_CONFIG)))
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

visclf--$(EXTVERSION).sql: sql/visclf.sql
	cp $< $@

$(OBJS): $(wildcard engine/*.h cpu/*.h extension/*.h)

endif

# Programs that need no server: tests, the conformance program, the demo's
# generator.  Each test/unit/test_*.c is one program.
UNIT = $(patsubst test/unit/%.c,build/%,$(wildcard test/unit/test_*.c))
LIBRARY = $(patsubst engine/%.o,build/engine/%.o,$(ENGINE)) $(patsubst cpu/%.o,build/cpu/%.o,$(CPU))
HELPERS = $(patsubst test/unit/%.c,build/unit/%.o,$(filter-out test/unit/test_%.c test/unit/conformance.c,$(wildcard test/unit/*.c)))
HEADERS = $(wildcard engine/*.h cpu/*.h test/unit/*.h demo/*.h)

.PHONY: unit device-check
unit: $(UNIT) build/conformance build/adverts

device-check: build/conformance
	build/conformance $(DEVICE)

build/engine/%.o: engine/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -g -c -o $@ $<

build/cpu/%.o: cpu/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -g -Iengine -c -o $@ $<

build/unit/%.o: test/unit/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -g -Iengine -c -o $@ $<

build/%: build/unit/%.o $(HELPERS) $(LIBRARY)
	$(CC) -fopenmp -o $@ $^ $(KERNEL_LIBS)

build/adverts: $(wildcard demo/*.c) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Iengine -o $@ $(filter %.c,$^) -ljpeg -lm
