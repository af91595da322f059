# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make            build/w7prep
#   make static     build/w7prep-static-ARCH: no shared library, for imaging clients
#   make static-all the same for x86_64, i386 and aarch64
#   make demo       make a phony Windows 7 WIM and VHD, run the tool on both
#   make check      every test;  make check-unit, make check-cli: a part
#   make bench      speed and memory against the peers, as ratios
#   make sanitize   unit and CLI tests under ASan and UBSan
#   make valgrind   unit tests under valgrind
#   make fuzz       every parser on made-up input, FUZZ_SECONDS=20 each
#   make lint       cppcheck, shellcheck, php -l, gcc and clang with -Werror
#   make install    DESTDIR= PREFIX=/usr/local
#
# BUILD=dir builds elsewhere; W=1 turns warnings into errors (ci does); V=1 shows the commands.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc

# libwim's pkg-config file of Debian 12 requires a fuse.pc that its package does not bring: -lwim below.
PACKAGES := libguestfs hivex libnbd libntfs-3g libarchive libxml-2.0 jansson nettle sqlite3 \
	zlib libzstd liblzma liblz4 libxxhash libsodium

# What the targets need is installed on demand; "make install" and "make clean" need nothing.
ifneq ($(filter-out install uninstall clean dist,$(or $(MAKECMDGOALS),all)),)
ifndef W7PREP_NO_DEPS
DEPS := $(shell ci/deps.sh >&2 || echo failed)
ifeq ($(DEPS),failed)
$(error ci/deps.sh failed: see above; W7PREP_NO_DEPS=1 builds without it)
endif
endif
endif

CFLAGS ?= -O2 -g
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
W7_CPPFLAGS := -I. -I$(BUILD) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DW7PREP_VERSION='"$(VERSION)"' \
	-DW7PREP_DATADIR='"$(PREFIX)/share/w7prep"' $(shell pkg-config --cflags $(PACKAGES))
W7_CFLAGS := -std=gnu17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -fno-strict-aliasing -fstack-protector-strong -fPIE \
	$(if $(W),-Werror)
W7_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
W7_LIBS := $(shell pkg-config --libs $(PACKAGES)) -lwim -liniparser -lpthread

SRC := $(filter-out plugin/main.c %_static.c, \
	$(wildcard common/*.c image/*.c hooks/*.c profiles/*.c plugin/*.c))
SCRIPTS := $(wildcard hooks/scripts/*.cmd hooks/scripts/*.vbs hooks/scripts/*.xml)
OBJ := $(SRC:%.c=$(BUILD)/%.o) $(if $(SCRIPTS),$(BUILD)/gen/scripts.o)
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
FIXTURES := $(patsubst tests/fixtures/%.c,$(BUILD)/fixtures/%,$(wildcard tests/fixtures/mk*.c))
FIXTURE_LIB := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/fixtures/mk*.c), \
	$(wildcard tests/fixtures/*.c)))
COMMON := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %_static.c,$(wildcard common/*.c)))
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

.PHONY: all static static-all demo check check-unit check-cli fixtures bench sanitize valgrind \
	fuzz fuzz-targets lint install uninstall clean dist man
.DELETE_ON_ERROR:
.SECONDARY:

all: $(if $(wildcard plugin/main.c),$(BUILD)/w7prep) man

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(W7_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libw7prep.a: $(OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(OBJ)

$(BUILD)/w7prep: $(BUILD)/plugin/main.o $(BUILD)/libw7prep.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(W7_LDFLAGS) $(LDFLAGS) $^ $(W7_LIBS) -o $@

# The static program: X_static.c stands in for X.c, and what wants libguestfs, libwim, libnbd or
# libarchive stays out: engines tree and partclone are in it. STATIC_ARCH: x86_64, i386, aarch64; another than this
# machine's takes Debian's cross compiler (gcc-i686-linux-gnu, gcc-aarch64-linux-gnu) and its
# libraries of that architecture, unpacked in a directory by ci/sysroot.sh.
STATIC_ARCH := $(shell uname -m)
ifeq ($(STATIC_ARCH),$(shell uname -m))
STATIC_CC := $(CC)
STATIC_CPPFLAGS := $(W7_CPPFLAGS)
else
STATIC_CC := $(STATIC_ARCH:i386=i686)-linux-gnu-gcc
STATIC_SYSROOT := $(BUILD)/sysroot-$(STATIC_ARCH)
STATIC_MULTIARCH := $(STATIC_ARCH)-linux-gnu
STATIC_CPPFLAGS := $(filter -I. -I$(BUILD) -D%,$(W7_CPPFLAGS)) $(addprefix \
	-isystem $(STATIC_SYSROOT)/usr/include,/$(STATIC_MULTIARCH) / /libxml2)
STATIC_LDFLAGS := -L$(STATIC_SYSROOT)/usr/lib/$(STATIC_MULTIARCH)
endif
# not CFLAGS: a sanitizer does not link statically
STATIC_CFLAGS := -O2 -g
# a call to IFUNC memset in glibc's i386 library keeps it from being position-independent
STATIC_LINK := $(if $(filter i386,$(STATIC_ARCH)),-static -no-pie,-static-pie)
STATIC_DIR := $(BUILD)/static-$(STATIC_ARCH)
STATIC_BIN := $(BUILD)/w7prep-static-$(STATIC_ARCH)
STATIC_OUT := $(patsubst %_static.c,%.c,$(wildcard common/*_static.c image/*_static.c plugin/*_static.c)) \
	$(wildcard image/guestfs*.c image/wim*.c image/disk*.c image/direct.c image/nbd.c image/extent*.c)
STATIC_SRC := $(filter-out $(STATIC_OUT),$(wildcard common/*.c image/*.c hooks/*.c profiles/*.c \
	plugin/*.c))
STATIC_OBJ := $(STATIC_SRC:%.c=$(STATIC_DIR)/%.o) $(STATIC_DIR)/gen/scripts.o
STATIC_LIBS := -lhivex -liniparser -lxml2 -ljansson -lnettle -lsodium -lsqlite3 \
	-lntfs-3g -lzstd -llz4 -lxxhash -llzma -lz -lm -lpthread

static: $(STATIC_BIN)

static-all:
	$(MAKE) static STATIC_ARCH=x86_64
	$(MAKE) static STATIC_ARCH=i386
	$(MAKE) static STATIC_ARCH=aarch64

ifdef STATIC_SYSROOT
$(STATIC_OBJ) $(STATIC_BIN): | $(STATIC_SYSROOT)/usr
$(STATIC_SYSROOT)/usr: ci/sysroot.sh
	$(Q)ci/sysroot.sh $(STATIC_ARCH:aarch64=arm64) $(STATIC_SYSROOT)
	@touch $@
endif

$(STATIC_DIR)/gen/scripts.o: $(BUILD)/gen/scripts.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(STATIC_CC) $(STATIC_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(STATIC_CFLAGS) -MMD -MP -c $< -o $@

$(STATIC_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(STATIC_CC) $(STATIC_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(STATIC_CFLAGS) -MMD -MP -c $< -o $@

# -w: ld warns of dlopen and getaddrinfo, which SQLite and libxml2 hold and nothing here calls
$(STATIC_BIN): $(STATIC_OBJ)
	$(call say,LD,$@)
	$(Q)$(STATIC_CC) $(STATIC_CFLAGS) -s $(STATIC_LINK) -Wl,-z,relro,-z,now,-w $(LDFLAGS) $^ \
	    $(STATIC_LDFLAGS) $(STATIC_LIBS) -o $@

# The scripts that w7prep places in images, as byte arrays: one table row a file.
$(BUILD)/gen/scripts.c: $(SCRIPTS) hooks/scripts/embed.sh
	@mkdir -p $(@D)
	$(Q)hooks/scripts/embed.sh $(SCRIPTS) > $@

$(BUILD)/gen/scripts.o: $(BUILD)/gen/scripts.c
	$(call say,CC,$@)
	$(Q)$(CC) $(W7_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tests/%: tests/unit/%.c $(FIXTURE_LIB) $(BUILD)/libw7prep.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(W7_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(CFLAGS) -MMD -MP $(W7_LDFLAGS) $(LDFLAGS) \
	    $< $(FIXTURE_LIB) $(BUILD)/libw7prep.a $(CHECK_LIBS) $(W7_LIBS) -o $@

# The generators stand on common/ alone: they must not share a fault with what they test.
$(BUILD)/fixtures/%: tests/fixtures/%.c $(FIXTURE_LIB) $(COMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(W7_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(CFLAGS) -MMD -MP $(W7_LDFLAGS) $(LDFLAGS) \
	    $< $(FIXTURE_LIB) $(COMMON) $(W7_LIBS) -o $@

fixtures: $(FIXTURES)

MAN := $(patsubst plugin/man/%.pod,$(BUILD)/man/%,$(wildcard plugin/man/*.pod))
man: $(MAN)
$(BUILD)/man/%: plugin/man/%.pod
	@mkdir -p $(@D)
	$(Q)pod2man --errors=die --center="w7prep" --release="w7prep $(VERSION)" --date=" " \
	    --name=$(shell echo $(basename $*) | tr a-z A-Z) --section=$(subst .,,$(suffix $*)) $< $@

check: all static $(UNIT) $(FIXTURES) fuzz-targets
	BUILD=$(abspath $(BUILD)) tests/run.sh unit cli

check-unit: $(UNIT) $(FIXTURES)
	BUILD=$(abspath $(BUILD)) tests/run.sh unit

check-cli: all static $(FIXTURES) fuzz-targets
	BUILD=$(abspath $(BUILD)) tests/run.sh cli

demo: all $(FIXTURES)
	BUILD=$(abspath $(BUILD)) tests/demo.sh

bench: all $(FIXTURES)
	BUILD=$(abspath $(BUILD)) ci/bench.sh

sanitize:
	$(MAKE) BUILD=$(BUILD)-san W=1 CFLAGS="-O1 -g -fsanitize=address,undefined \
	    -fno-sanitize-recover=all -fno-omit-frame-pointer" check

valgrind: $(UNIT)
	BUILD=$(abspath $(BUILD)) tests/run.sh valgrind

# libFuzzer is clang's: everything is built again with it and with the sanitizers. Elsewhere
# tests/fuzz/driver.c runs the same targets on what is near the first inputs.
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
FUZZ_MAIN ?= $(BUILD)/tests/fuzz/driver.o

$(BUILD)/fuzz/%: tests/fuzz/%.c $(filter %.o,$(FUZZ_MAIN)) $(FIXTURE_LIB) $(BUILD)/libw7prep.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(W7_CPPFLAGS) $(CPPFLAGS) $(W7_CFLAGS) $(CFLAGS) -MMD -MP $(W7_LDFLAGS) $(LDFLAGS) \
	    $(if $(filter fuzz_%,$*),$(FUZZ_MAIN)) $< $(FIXTURE_LIB) $(BUILD)/libw7prep.a \
	    $(W7_LIBS) -o $@

fuzz-targets: $(FUZZ) $(BUILD)/fuzz/mkseeds

fuzz:
	$(MAKE) BUILD=$(BUILD)-fuzz CC=clang CFLAGS="$(FUZZ_CFLAGS)" \
	    FUZZ_MAIN=-fsanitize=fuzzer fuzz-targets
	BUILD=$(abspath $(BUILD)-fuzz) ci/fuzz.sh

lint:
	ci/lint.sh

FOG_SERVER = $(DESTDIR)$(PREFIX)/share/w7prep/fog/server
FOG_PLUGINS := $(patsubst hooks/fog/server/%,%,$(wildcard hooks/fog/server/plugin-*/w7prep/*/*.php))
FOG_PLUGIN_DIRS := $(sort $(dir $(FOG_PLUGINS)))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/w7prep/profiles \
	    $(DESTDIR)$(PREFIX)/share/w7prep/schema $(DESTDIR)$(PREFIX)/share/w7prep/fog \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BUILD)/w7prep $(DESTDIR)$(PREFIX)/bin/w7prep
	install -m 644 profiles/*.ini $(DESTDIR)$(PREFIX)/share/w7prep/profiles/
	install -m 644 plugin/schema/*.json $(DESTDIR)$(PREFIX)/share/w7prep/schema/
	install -m 644 hooks/fog/fog.w7prep hooks/labs.sh hooks/labs.conf \
	    $(DESTDIR)$(PREFIX)/share/w7prep/fog/
	install -d $(addprefix $(FOG_SERVER)/,$(FOG_PLUGIN_DIRS))
	for f in $(FOG_PLUGINS); do \
	    install -m 644 hooks/fog/server/$$f $(FOG_SERVER)/$$f || exit 1; \
	done
	for d in plugin-1.5 plugin-1.6; do \
	    install -m 644 hooks/fog/server/queue.php $(FOG_SERVER)/$$d/w7prep/ || exit 1; \
	done
	install -m 755 hooks/fog/server/w7prep-fog-queue $(FOG_SERVER)/
	install -m 644 hooks/fog/server/systemd/w7prep-fog.path $(FOG_SERVER)/
	install -m 644 hooks/fog/server/systemd/w7prep-fog.tmpfiles $(FOG_SERVER)/w7prep-fog.conf
	sed 's|@PREFIX@|$(PREFIX)|' hooks/fog/server/systemd/w7prep-fog.service \
	    >$(FOG_SERVER)/w7prep-fog.service
	for b in $(wildcard $(BUILD)/w7prep-static-*); do \
	    install -m 755 $$b $(DESTDIR)$(PREFIX)/share/w7prep/fog/ || exit 1; \
	done
	install -m 644 plugin/completion.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/w7prep
	install -d $(DESTDIR)$(PREFIX)/share/w7prep/clonezilla
	install -m 755 hooks/clonezilla/*.sh $(DESTDIR)$(PREFIX)/share/w7prep/clonezilla/
	install -m 644 hooks/labs.sh hooks/labs.conf $(DESTDIR)$(PREFIX)/share/w7prep/clonezilla/
	for m in $(notdir $(MAN)); do \
	    install -D -m 644 $(BUILD)/man/$$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/w7prep \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/w7prep
	rm -rf $(DESTDIR)$(PREFIX)/share/w7prep
	for m in $(notdir $(MAN)); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m; done

dist:
	git archive --prefix=w7prep-$(VERSION)/ -o w7prep-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(BUILD) $(BUILD)-san $(BUILD)-fuzz

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
