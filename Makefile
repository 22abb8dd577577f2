# SPDX-License-Identifier: GPL-2.0-only
# Warren: the module, the launcher, and the doors to demo, tests, benchmark.
#
# KDIR=DIR builds the module against that kernel's build directory instead of the running kernel's.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
VENDOR ?= svm

.PHONY: all module launcher help demo check check-peers bench style insert remove install uninstall clean

all: module launcher

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

launcher:
	$(MAKE) -C userspace-cli

help:
	@echo 'make            build warren.ko (for the running kernel, or KDIR=) and userspace-cli/warren'
	@echo 'make demo       boot an emulated machine, load Warren there, run a Debian kernel in it'
	@echo 'make check      run all tests in emulated machines (SUITES="style smoke-6.1 ..." for some)'
	@echo 'make check-peers  run QEMU, and what else people have, on Warren and on KVM (SUBJECTS="qemu ...")'
	@echo 'make bench      compare with KVM, counted in instructions'
	@echo '                demo and bench: VENDOR=svm (AMD-V, the default) or vmx (Intel VT-x)'
	@echo 'make style      check style: checkpatch, sparse, include rules, shellcheck'
	@echo 'make insert     load warren.ko into this machine'
	@echo 'make remove     unload it'
	@echo 'make install    install module and launcher (PREFIX=$(PREFIX), DESTDIR=)'
	@echo 'make uninstall  remove both'
	@echo 'make clean      remove what was built here (not the cache: ~/.cache/warren)'
	@echo
	@echo 'demo, check and bench need no virtualization hardware. They install the Debian packages'
	@echo 'that they need and cache what they fetch in ~/.cache/warren (or WARREN_CACHE=).'

demo:
	@tests/demo/run --vendor $(VENDOR)

check:
	@tests/run $(SUITES)

check-peers:
	@tests/peers/run $(SUBJECTS)

bench:
	@tests/bench/run --vendor $(VENDOR)

style:
	@tests/style/run

insert: module
	insmod ./warren.ko

remove:
	rmmod warren

install: all
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	install -D -m 755 userspace-cli/warren $(DESTDIR)$(PREFIX)/bin/warren
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 userspace-cli/man/*.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 userspace-cli/man/*.5
	install -D -m 644 userspace-cli/completion/warren.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/warren
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in userspace-cli/systemd/*.service; do \
		sed 's|/usr/bin/|$(PREFIX)/bin/|' "$$unit" >$(DESTDIR)$(PREFIX)/lib/systemd/system/"$${unit##*/}"; done
	depmod -a

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/warren
	rm -f $(patsubst userspace-cli/man/%,$(DESTDIR)$(PREFIX)/share/man/man?/%,$(wildcard userspace-cli/man/*))
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/warren
	rm -f $(patsubst userspace-cli/systemd/%,$(DESTDIR)$(PREFIX)/lib/systemd/system/%,$(wildcard userspace-cli/systemd/*))
	rm -f $(DESTDIR)/lib/modules/$(shell uname -r)/updates/warren.ko*
	rm -f $(DESTDIR)/lib/modules/$(shell uname -r)/extra/warren.ko*
	depmod -a

# Works without kernel headers too: they may be gone by now.
clean:
	$(MAKE) -C userspace-cli clean
	find . -name .git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name '*.o.d' \) -type f -print0 | xargs -0r rm -f
	rm -rf .tmp_versions
	rm -f Module.symvers modules.order .module-common.o
