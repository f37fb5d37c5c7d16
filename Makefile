# visclf: image classification in PostgreSQL
#
#   make, make install     build and install the extension (PGXS)
#   make demo              set this machine up, train on generated adverts, count
#   make check             set this machine up, run every test that needs no GPU
#   make device-check DEVICE=cpu|cuda   a device against the oracle, no server
#   make sanitize          the engine's tests under AddressSanitizer and UBSan
#
# demo and check install what is missing through apt, as root or with sudo.

EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" visclf.control)
PG_CONFIG ?= pg_config
DEVICE ?= cpu

# What engine/ and cpu/ are compiled with.
KERNEL_CFLAGS = -std=gnu11 -O3 -fno-math-errno -Wall -Wextra -Wmissing-prototypes \
	-Wno-format-truncation
ENGINE_LIBS = -ljpeg -lpthread -lm
CPU_LIBS = -ldnnl -lm

ifneq (,$(filter demo check,$(MAKECMDGOALS)))

.PHONY: demo check
demo:
	demo/run
check:
	test/run

else

EXTENSION = visclf
MODULE_big = visclf
OBJS = $(patsubst %.c,%.o,$(wildcard extension/*.c engine/*.c))
DATA_built = visclf--$(EXTVERSION).sql
DATA = $(wildcard sql/visclf--*--*.sql)
PG_CFLAGS = $(KERNEL_CFLAGS) -Wno-declaration-after-statement -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(ENGINE_LIBS) -ldl -Wl,--version-script=extension/visclf.map
EXTRA_CLEAN = build visclf_cpu.so visclf--$(EXTVERSION).sql

REGRESS = setup image_info train classify weights balance multi_label lr_find rights bad_calls reinstall
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

$(OBJS): $(wildcard engine/*.h extension/*.h)

# The devices are modules of their own, loaded at first use.
all: visclf_cpu.so
install: install-devices
uninstall: uninstall-devices
.PHONY: install-devices uninstall-devices
install-devices: visclf_cpu.so installdirs
	$(INSTALL_SHLIB) visclf_cpu.so '$(DESTDIR)$(pkglibdir)/'
uninstall-devices:
	rm -f '$(DESTDIR)$(pkglibdir)/visclf_cpu.so'

endif

# What needs no server: the devices and the test programs are built in build/,
# with the engine linked in.  Each test/unit/test_*.c is one program.
ENGINE = $(patsubst %.c,build/%.o,$(wildcard engine/*.c))
CPU = $(patsubst %.c,build/%.o,$(wildcard cpu/*.c))
CUDA_C = $(filter-out cuda/cudnn%,$(wildcard cuda/*.c))
CUDA_CU = $(wildcard cuda/*.cu)
UNIT = $(patsubst test/unit/%.c,build/%,$(wildcard test/unit/test_*.c))
HELPERS = $(patsubst %.c,build/%.o,$(filter-out test/unit/test_%.c test/unit/conformance.c,$(wildcard test/unit/*.c)))
HEADERS = $(wildcard engine/*.h cpu/*.h test/unit/*.h demo/*.h bench/*.h)

.PHONY: unit device-check
unit: $(UNIT) build/conformance build/adverts

device-check: build/conformance
	build/conformance $(DEVICE)

# The engine's tests under AddressSanitizer and UBSan, with clang.
.PHONY: sanitize
sanitize: $(patsubst test/unit/%.c,build/sanitize/%,$(wildcard test/unit/test_*.c))
	set -e; for program in $^; do echo $$program; $$program >$$program.log || { cat $$program.log; exit 1; }; done

build/sanitize/%: test/unit/%.c test/unit/small_networks.c $(wildcard engine/*.c) $(HEADERS)
	@mkdir -p $(@D)
	clang -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Iengine -o $@ \
		$(filter %.c,$^) $(ENGINE_LIBS)

visclf_cpu.so: $(CPU) $(ENGINE)
	$(CC) -shared -fopenmp -Wl,-Bsymbolic -o $@ $^ $(CPU_LIBS) $(ENGINE_LIBS)

build/engine/%.o build/test/unit/%.o: KERNEL_CFLAGS += -Iengine
build/cpu/%.o: KERNEL_CFLAGS += -Iengine -fopenmp

build/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -fPIC -g -c -o $@ $<

build/%: build/test/unit/%.o $(HELPERS) $(CPU) $(ENGINE)
	$(CC) -fopenmp -o $@ $^ $(CPU_LIBS) $(ENGINE_LIBS) -ldl

# The CUDA device on the tests' emulator of a GPU: cuda/ compiled as C and C++
# against test/emulate's headers, plain loops in the place of cuDNN.
EMULATED = $(patsubst %,build/emulate/%.o,$(basename $(CUDA_C) $(CUDA_CU)))
EMULATE_CXXFLAGS = -std=gnu++17 -O3 -fno-math-errno -fno-strict-aliasing -Wall -Wextra -Wno-unknown-pragmas
CUDA_HEADERS = $(wildcard cuda/*.h cuda/*.cuh test/emulate/*.h)

build/visclf_cuda_emulated.so: $(EMULATED) $(patsubst test/%.cpp,build/%.o,$(wildcard test/emulate/*.cpp)) $(ENGINE)
	$(CXX) -shared -Wl,-Bsymbolic -o $@ $^ $(ENGINE_LIBS)

build/emulate/cuda/%.o: cuda/%.c $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -Itest/emulate -fPIC -g -c -o $@ $<

build/emulate/cuda/%.o: cuda/%.cu $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(EMULATE_CXXFLAGS) -Itest/emulate -Icuda -fPIC -g -x c++ -c -o $@ $<

build/emulate/%.o: test/emulate/%.cpp $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(EMULATE_CXXFLAGS) -Itest/emulate -fPIC -g -c -o $@ $<

build/adverts: $(wildcard demo/*.c) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Iengine -o $@ $(filter %.c,$^) -ljpeg -lm

# For the scripts under bench/.
build/device_driver.so: bench/device_driver.c $(HELPERS) $(CPU) $(ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Iengine -Itest/unit -fopenmp -fPIC -shared -o $@ $^ $(CPU_LIBS) $(ENGINE_LIBS) -ldl

build/decode_images: bench/decode_images.c $(ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Iengine -o $@ $^ $(ENGINE_LIBS)

.SECONDARY:
