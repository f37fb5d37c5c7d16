# visclf: image classification in PostgreSQL
#
#   make, make install     build and install the extension (PGXS)
#   make demo              set this machine up, train on generated adverts, count,
#                          write a report
#   make check             set this machine up, run every test that needs no GPU
#   make installcheck      regression and isolation tests on a running server that has
#                          the extension installed, as a superuser
#   make check-assert      the tests under SQL on a PostgreSQL with assertions, which it
#                          builds from Debian's source once, in /var/cache/visclf
#   make device-check DEVICE=cpu|cuda|cuda-emulated   a device against the oracle, no server
#   make sanitize          the engine's tests under AddressSanitizer and UBSan
#   make indent            lays the C sources out by pgindent, see test/indent
#
#   make WITH_CUDA=yes|no  forces the CUDA device, built where nvcc and cudnn.h are
#
# demo and check install what is missing through apt, as root or with sudo.

EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" visclf.control)
PG_CONFIG ?= pg_config
DEVICE ?= cpu

# clang does not know some options, ours and those that PostgreSQL was built with by gcc.
CLANG_CFLAGS = $(if $(findstring clang,$(CC)),-Wno-unknown-warning-option -Wno-ignored-attributes \
	-Wno-ignored-optimization-argument)

# What engine/ and cpu/ are compiled with.
KERNEL_CFLAGS = -std=gnu11 -O3 -fno-math-errno -Wall -Wextra -Wmissing-prototypes \
	-Wno-format-truncation -I. $(CLANG_CFLAGS)
ENGINE_LIBS = -ljpeg $(foreach f,$(FORMATS),$(LIBS_$(f))) -lpthread -lm

# Devices, and programs that go to other machines, decode JPEG only; programs bring
# libjpeg along, where it is there to link.
DEVICE_LIBS = -ljpeg -lpthread -lm
JPEG_ARCHIVE = $(filter /%,$(shell $(CC) -print-file-name=libjpeg.a))
PORTABLE_LIBS = $(or $(JPEG_ARCHIVE),-ljpeg) -lpthread -lm -ldl
CPU_LIBS = -ldnnl -lm

# Image formats beside JPEG, each built where its library's header is found; make
# WITH_TIFF=no leaves one out.  libtiff says since 4.5 what goes wrong without a
# global handler.
LIBS_PNG = -lpng
LIBS_TIFF = -ltiff
LIBS_WEBP = -lwebpdemux -lwebp
LIBS_JPEG2000 = -lopenjp2
HEADER_PNG = png.h
HEADER_TIFF = tiffio.h
HEADER_WEBP = webp/demux.h
HEADER_JPEG2000 = openjpeg.h
NEEDS_TIFF = if TIFFLIB_VERSION < 20221213
OPENJPEG := $(lastword $(sort $(wildcard /usr/include/openjpeg-2.* /usr/local/include/openjpeg-2.*)))
SOURCES_PNG = png.c png_chunks.c
SOURCES_TIFF = tiff.c
SOURCES_WEBP = webp.c
SOURCES_JPEG2000 = jpeg2000.c jpeg2000_header.c
hash := \#
found = $(shell printf '$(hash)%s\n' 'include <stdio.h>' 'include <$(HEADER_$(1))>' '$(or $(NEEDS_$(1)),if 0)' 'error old' 'endif' | \
	$(CC) $(OPENJPEG:%=-I%) -fsyntax-only -xc - 2>/dev/null && echo yes)
ALL_FORMATS = PNG TIFF WEBP JPEG2000
FORMATS := $(foreach f,$(ALL_FORMATS),$(if $(filter no,$(WITH_$(f))),,$(if $(filter yes,$(WITH_$(f)) $(call found,$(f))),$(f))))
FORMAT_CFLAGS = $(FORMATS:%=-DVISCLF_WITH_%) $(OPENJPEG:%=-isystem %)
ENGINE_C = $(filter-out $(foreach f,$(filter-out $(FORMATS),$(ALL_FORMATS)),$(addprefix engine/image/,$(SOURCES_$(f)))),$(wildcard engine/*.c engine/*/*.c))

# The CUDA device is built where nvcc and cudnn.h are found.
NVCC ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_HOME ?= $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
CUDNN_HEADER = $(firstword $(wildcard $(CUDNN_HOME)/include/cudnn.h $(CUDA_HOME)/include/cudnn.h \
	/usr/include/cudnn.h /usr/include/*-linux-gnu/cudnn.h /usr/local/include/cudnn.h))
WITH_CUDA ?= $(if $(NVCC),$(if $(CUDNN_HEADER),yes,no),no)
CUDA_MODULE = $(if $(filter yes,$(WITH_CUDA)),visclf_cuda.so)

ifneq (,$(filter demo check check-assert,$(MAKECMDGOALS)))

.PHONY: demo check check-assert
demo:
	demo/run
check:
	test/run packaged
check-assert:
	test/run assert

else

EXTENSION = visclf
MODULE_big = visclf
OBJS = $(patsubst %.c,%.o,$(wildcard extension/*.c extension/*/*.c) $(ENGINE_C))
UPGRADE = visclf--0.1--0.2.sql
DATA_built = visclf--$(EXTVERSION).sql $(UPGRADE)
PG_CPPFLAGS = -I$(srcdir)
PG_CFLAGS = $(KERNEL_CFLAGS) $(FORMAT_CFLAGS) -Wno-declaration-after-statement -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(ENGINE_LIBS) -ldl -Wl,--version-script=extension/visclf.map
EXTRA_CLEAN = build visclf-load visclf_cpu.so visclf_cuda.so

REGRESS = setup image_info labels check_images train image_formats classify window memo planner precision weights damaged balance multi_label lr_find evaluation prevalence known_labels report rights bad_calls classify_table hostile reinstall
REGRESS_OPTS = --inputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec))
ISOLATION_OPTS = --inputdir=test --outputdir=./

# Inlining into SQL expressions gains nothing for functions of this size.
override with_llvm = no

ifneq (,$(shell command -v $(PG_CONFIG)))
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

# The tests' expected output is of the CPU, and of plans without workers.
installcheck: build/adverts
installcheck: export PGOPTIONS = -c visclf.device=cpu -c max_parallel_workers_per_gather=0

visclf--$(EXTVERSION).sql: sql/visclf.sql
	cp $< $@

# The version that is being made: its objects are those of visclf.sql.
$(UPGRADE): %.sql: sql/%.sql sql/visclf.sql
	sed -E -e '/^CREATE TYPE visclf\.(prediction|share_estimate) AS/,/^\);/d' -e '/^\\echo/d' \
		-e 's/^CREATE (FUNCTION|PROCEDURE|AGGREGATE)/CREATE OR REPLACE \1/' sql/visclf.sql >$@.objects
	sed -e '/^-- @visclf.sql/{r $@.objects' -e 'd}' $< >$@
	rm $@.objects

# For the test of upgrades: CREATE EXTENSION visclf VERSION '0.1'.
.PHONY: install-earlier
install-earlier: installdirs
	$(INSTALL_DATA) test/upgrade/visclf--*.sql '$(DESTDIR)$(datadir)/extension/'

$(OBJS): $(wildcard engine/*.h engine/*/*.h extension/*.h extension/*/*.h)

# The files of the page to label on become strings of C.
extension/labelling/label_page.o: $(patsubst %,build/labelling/page.%.inc,css js html)
build/labelling/%.inc: extension/labelling/%
	@mkdir -p $(@D)
	sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< >$@

# The devices are modules of their own, loaded at first use.
all: visclf_cpu.so $(CUDA_MODULE) visclf-load
install: install-devices install-client
uninstall: uninstall-devices uninstall-client
.PHONY: install-devices uninstall-devices
install-devices: visclf_cpu.so $(CUDA_MODULE) installdirs
	$(INSTALL_SHLIB) visclf_cpu.so $(CUDA_MODULE) '$(DESTDIR)$(pkglibdir)/'
uninstall-devices:
	rm -f '$(DESTDIR)$(pkglibdir)/visclf_cpu.so' '$(DESTDIR)$(pkglibdir)/visclf_cuda.so'

endif

# What needs no server: the devices and the test programs are built in build/,
# with the engine linked in.  Each test/unit/test_*.c is one program.
ENGINE = $(patsubst %.c,build/%.o,$(ENGINE_C))
DEVICE_ENGINE = $(patsubst %.c,build/%.o,$(filter-out engine/image/image.c $(foreach f,$(ALL_FORMATS),$(addprefix engine/image/,$(SOURCES_$(f)))),$(ENGINE_C))) build/jpeg_only.o
CPU = $(patsubst %.c,build/%.o,$(wildcard cpu/*.c))
CUDA_C = $(filter-out cuda/cudnn%,$(wildcard cuda/*.c))
CUDA_CU = $(wildcard cuda/*.cu)
UNIT = $(patsubst test/unit/%.c,build/%,$(filter-out $(if $(filter-out $(FORMATS),$(ALL_FORMATS)),test/unit/test_formats.c),$(wildcard test/unit/test_*.c)))
HELPERS = $(patsubst %.c,build/%.o,$(filter-out test/unit/test_%.c test/unit/conformance.c test/unit/format_maker.c,$(wildcard test/unit/*.c)))
HEADERS = $(wildcard engine/*.h engine/*/*.h client/*.h cpu/*.h test/unit/*.h demo/*.h bench/*.h)
CUDA_HEADERS = $(wildcard cuda/*.h cuda/*.cuh test/emulate/*.h)

# The table of decoders is compiled anew where there are others than before.
engine/image/image.o build/engine/image/image.o: build/formats
build/formats: always
	@mkdir -p $(@D); echo '$(FORMATS)' | cmp -s - $@ || echo '$(FORMATS)' >$@
.PHONY: always

.PHONY: unit device-check
unit: $(UNIT) build/conformance build/adverts build/visclf_cuda_emulated.so gpu-programs \
	$(if $(CUDA_MODULE),build/cudnn_plans)

device-check: build/conformance $(if $(filter cuda,$(DEVICE)),visclf_cuda.so) \
	$(if $(filter cuda-emulated,$(DEVICE)),build/visclf_cuda_emulated.so)
	build/conformance $(DEVICE)

# The engine's tests under AddressSanitizer and UBSan, with clang.
.PHONY: sanitize
sanitize: $(patsubst test/unit/%.c,build/sanitize/%,$(wildcard test/unit/test_*.c))
	set -e; for program in $^; do echo $$program; $$program >$$program.log || { cat $$program.log; exit 1; }; done

build/sanitize/test_formats: test/unit/format_maker.c
build/sanitize/test_csv: client/csv.c client/text_input.c client/column.c

build/sanitize/%: test/unit/%.c test/unit/small_networks.c $(ENGINE_C) $(HEADERS)
	@mkdir -p $(@D)
	clang -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all $(FORMAT_CFLAGS) -I. -o $@ \
		$(filter %.c,$^) $(ENGINE_LIBS)

visclf_cpu.so: $(CPU) $(DEVICE_ENGINE)
	$(CC) -shared -fopenmp -Wl,-Bsymbolic -o $@ $^ $(CPU_LIBS) $(DEVICE_LIBS)

build/engine/%.o build/test/unit/%.o: KERNEL_CFLAGS += $(FORMAT_CFLAGS)
build/cpu/%.o: KERNEL_CFLAGS += -fopenmp

build/jpeg_only.o: engine/image/image.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -fPIC -g -c -o $@ $<

build/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -fPIC -g -c -o $@ $<

build/%: build/test/unit/%.o $(HELPERS) $(CPU) $(ENGINE)
	$(CC) -fopenmp -o $@ $^ $(CPU_LIBS) $(ENGINE_LIBS) -ldl

# The client program.  It needs libpq and no server: make visclf-load install-client
# works where there is no more than that.
PQ_LIB = $(shell $(PG_CONFIG) --libdir)
comma = ,
CLIENT = $(patsubst %.c,build/%.o,$(wildcard client/*.c))

build/test_formats: build/test/unit/format_maker.o
build/test_csv: build/client/csv.o build/client/text_input.o build/client/column.o

visclf-load: $(CLIENT) $(ENGINE)
	$(CC) -o $@ $^ -L$(PQ_LIB) -lpq $(if $(filter /usr/lib%,$(PQ_LIB)),,-Wl$(comma)-rpath$(comma)$(PQ_LIB)) $(ENGINE_LIBS)

build/client/%.o: KERNEL_CFLAGS += -I$(shell $(PG_CONFIG) --includedir) -DVISCLF_VERSION='"$(EXTVERSION)"'

.PHONY: install-client uninstall-client
install-client: visclf-load
	install -d '$(DESTDIR)$(shell $(PG_CONFIG) --bindir)'
	install -m 755 visclf-load '$(DESTDIR)$(shell $(PG_CONFIG) --bindir)/'
uninstall-client:
	rm -f '$(DESTDIR)$(shell $(PG_CONFIG) --bindir)/visclf-load'

# The CUDA device.  Machine code for each generation from sm_75 to sm_90, and
# PTX that the driver compiles for later ones.  The CUDA runtime is linked in,
# cuDNN is found when the module is loaded.  build/cuda/ptxas has what ptxas
# says of each kernel's registers.
CUDA_TARGETS = 75 80 86 89 90
NVCCFLAGS = -O3 -std=c++17 -Xptxas -v --compiler-options=-fPIC,-Wall \
	$(foreach t,$(CUDA_TARGETS),-gencode arch=compute_$(t),code=sm_$(t)) \
	-gencode arch=compute_90,code=compute_90
CUDA_CPPFLAGS = -isystem $(CUDA_HOME)/include -isystem $(dir $(CUDNN_HEADER))
CUDNN_LIB = $(firstword $(wildcard $(foreach d,$(CUDNN_HOME)/lib $(CUDA_HOME)/lib64 $(CUDA_HOME)/lib \
	/usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/local/lib,$(d)/libcudnn.so $(d)/libcudnn.so.9)))
CUDA_RUNTIME = $(firstword $(wildcard $(CUDA_HOME)/lib64/libcudart_static.a $(CUDA_HOME)/lib/libcudart_static.a))
CUDA_OBJS = $(patsubst %,build/%.o,$(basename $(wildcard cuda/*.c) $(CUDA_CU)))
CUDA_LIBS = $(CUDA_RUNTIME) $(CUDNN_LIB) -ldl -lrt -lpthread -lm

# Of the engine it takes only the files that it calls: none of them reads JPEG.
visclf_cuda.so: $(CUDA_OBJS) build/libengine.a cuda/visclf_cuda.map
	$(CXX) -shared -Wl,-Bsymbolic -Wl,-z,defs -Wl,--version-script=cuda/visclf_cuda.map \
		-static-libstdc++ -static-libgcc -o $@ $(filter %.o %.a,$^) $(CUDA_LIBS)

build/libengine.a: $(DEVICE_ENGINE)
	rm -f $@
	ar rcs $@ $^

build/cuda/%.o: cuda/%.c $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) $(CUDA_CPPFLAGS) -fPIC -g -c -o $@ $<

build/cuda/%.o: cuda/%.cu $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)/ptxas
	$(NVCC) $(NVCCFLAGS) -I. -c -o $@ $< 2>build/cuda/ptxas/$*.log || { cat build/cuda/ptxas/$*.log; exit 1; }

build/cudnn_plans: test/cudnn/plans.c $(filter build/cuda/cudnn%,$(CUDA_OBJS)) build/cuda/report.o $(DEVICE_ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Wno-missing-field-initializers $(CUDA_CPPFLAGS) -o $@ $^ $(CUDA_LIBS) $(DEVICE_LIBS) \
		-Wl,-rpath,$(dir $(CUDNN_LIB))

# The CUDA device on the tests' emulator of a GPU: cuda/ compiled as C and C++
# against test/emulate's headers, plain loops in the place of cuDNN.
EMULATED = $(patsubst %,build/emulate/%.o,$(basename $(CUDA_C) $(CUDA_CU)))
EMULATE_CXXFLAGS = -std=gnu++17 -O3 -fno-math-errno -fno-strict-aliasing -Wall -Wextra -Wno-unknown-pragmas

build/visclf_cuda_emulated.so: $(EMULATED) $(patsubst test/%.cpp,build/%.o,$(wildcard test/emulate/*.cpp)) $(DEVICE_ENGINE)
	$(CXX) -shared -Wl,-Bsymbolic -o $@ $^ $(DEVICE_LIBS)

build/emulate/cuda/%.o: cuda/%.c $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -I. -Itest/emulate -fPIC -g -c -o $@ $<

build/emulate/cuda/%.o: cuda/%.cu $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(EMULATE_CXXFLAGS) -Itest/emulate -I. -fPIC -g -x c++ -c -o $@ $<

build/emulate/%.o: test/emulate/%.cpp $(HEADERS) $(CUDA_HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(EMULATE_CXXFLAGS) -I. -Itest/emulate -fPIC -g -c -o $@ $<

build/adverts: $(wildcard demo/*.c) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -I. -o $@ $(filter %.c,$^) -ljpeg -lm

# For the scripts under bench/.
build/device_driver.so: bench/device_driver.c $(HELPERS) $(CPU) $(DEVICE_ENGINE)
	$(CC) $(KERNEL_CFLAGS) -fopenmp -fPIC -shared -o $@ $^ $(CPU_LIBS) $(DEVICE_LIBS) -ldl

build/prevalence.so: $(patsubst %,build/engine/%.o,counting/prevalence counting/prevalence_cells counting/prevalence_estimate counting/prevalence_interval counting/simplex support/quantile support/status)
	$(CC) -shared -o $@ $^ -lm

build/ppi.so: $(patsubst %,build/engine/%.o,counting/ppi counting/ppi_gather counting/ppi_shift counting/ppi_fit counting/ppi_interval counting/ppi_plan counting/simplex support/quantile support/status)
	$(CC) -shared -o $@ $^ -lm

build/count_real: bench/count_real.c $(ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Wno-missing-field-initializers -o $@ $^ $(ENGINE_LIBS)

build/speed_onednn: bench/speed_onednn.c $(HELPERS) $(CPU) $(ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Wno-missing-field-initializers -fopenmp -o $@ $^ $(CPU_LIBS) $(ENGINE_LIBS) -ldl

build/decode_images: bench/decode_images.c $(ENGINE)
	$(CC) $(KERNEL_CFLAGS) -o $@ $^ $(ENGINE_LIBS)

# What runs on a card, without the CPU's device: these programs need neither
# oneDNN nor libjpeg.
.PHONY: gpu-programs
gpu-programs: $(CUDA_MODULE) build/conformance_gpu build/gpu

build/conformance_gpu: build/test/unit/conformance.o $(HELPERS) $(DEVICE_ENGINE)
	$(CC) -o $@ $^ $(PORTABLE_LIBS)

build/gpu: bench/gpu.c $(HELPERS) $(DEVICE_ENGINE)
	$(CC) $(KERNEL_CFLAGS) -Wno-missing-field-initializers -o $@ $^ $(PORTABLE_LIBS)

.PHONY: indent
indent:
	test/indent --typedefs
	test/indent

.SECONDARY:
