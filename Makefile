# SPDX-License-Identifier: GPL-2.0-only
# Warren: the module, the launcher, and the doors to demo, tests, benchmark.
#
# KDIR=DIR builds the module against that kernel's build directory instead of the running kernel's.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
VENDOR ?= svm
PAGING ?=

.PHONY: all module launcher help demo check check-all check-peers check-beside-kvm check-packages bench style insert remove install uninstall clean

all: module launcher

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

launcher:
	$(MAKE) -C userspace-cli

help:
	@echo 'make            build warren.ko (for the running kernel, or KDIR=) and userspace-cli/warren'
	@echo 'make demo       boot an emulated machine, load Warren there, run a Debian kernel in it'
	@echo 'make check      run the tests in emulated machines (SUITES="style smoke-6.1 ..." for some)'
	@echo 'make check-all  run those that it leaves out as well'
	@echo 'make check-peers  run QEMU, and what else people have, on Warren and on KVM (SUBJECTS="qemu ...")'
	@echo 'make check-beside-kvm  run guests of Warren and of KVM at the same time (HOSTS="svm-6.12 ...")'
	@echo 'make check-packages  build the Debian packages, install them in chroots of three releases (RELEASES="bookworm ...")'
	@echo 'make bench      compare with KVM, counted in instructions'
	@echo '                demo and bench: VENDOR=svm (AMD-V, the default) or vmx (Intel VT-x)'
	@echo '                demo, check and bench: PAGING=shadow (without nested page tables) or nested'
	@echo 'make style      check style: checkpatch, sparse, include rules, shellcheck'
	@echo 'make insert     load warren.ko into this machine'
	@echo 'make remove     unload it'
	@echo 'make install    install module, launcher, and what makes /dev/warren a group'"'"'s (PREFIX=$(PREFIX), DESTDIR=; docs/install.md)'
	@echo 'make uninstall  remove all that'
	@echo 'make clean      remove what was built here (not the cache: ~/.cache/warren)'
	@echo
	@echo 'demo, check and bench need no virtualization hardware. They install the Debian packages'
	@echo 'that they need and cache what they fetch in ~/.cache/warren (or WARREN_CACHE=).'

demo:
	@tests/demo/run --vendor $(VENDOR) $(if $(PAGING),--paging $(PAGING))

check:
	@tests/run $(if $(PAGING),--paging $(PAGING)) $(SUITES)

check-all:
	@tests/run $(if $(PAGING),--paging $(PAGING)) --all

check-peers:
	@tests/peers/run $(SUBJECTS)

check-beside-kvm:
	@tests/beside/run $(HOSTS)

check-packages:
	@tests/packages/run $(RELEASES)

bench:
	@tests/bench/run --vendor $(VENDOR) $(if $(PAGING),--paging $(PAGING))

style:
	@tests/style/run

insert: module
	insmod ./warren.ko

remove:
	rmmod warren

# Of the kernel that the module is built for
KVER ?= $(or $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null),$(shell uname -r))
MODDIR = $(DESTDIR)/lib/modules/$(KVER)/updates
LIBDIR = $(DESTDIR)$(PREFIX)/lib
SHAREDIR = $(DESTDIR)$(PREFIX)/share

install: all
	install -D -m 644 warren.ko $(MODDIR)/warren.ko
	$(if $(SIGN_KEY),$(KDIR)/scripts/sign-file sha256 $(SIGN_KEY) $(SIGN_CERT) $(MODDIR)/warren.ko)
	install -D -m 755 userspace-cli/warren $(DESTDIR)$(PREFIX)/bin/warren
	install -D -m 644 -t $(SHAREDIR)/man/man1 userspace-cli/man/*.1
	install -D -m 644 -t $(SHAREDIR)/man/man5 userspace-cli/man/*.5
	install -D -m 644 userspace-cli/completion/warren.bash $(SHAREDIR)/bash-completion/completions/warren
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux uapi/linux/*.h
	install -D -m 644 -t $(LIBDIR)/udev/rules.d userspace-cli/udev/*.rules
	install -D -m 644 -t $(LIBDIR)/sysusers.d userspace-cli/sysusers/*.conf
	install -D -m 644 -t $(LIBDIR)/modules-load.d userspace-cli/modules-load/*.conf
	install -d $(LIBDIR)/systemd/system
	for unit in userspace-cli/systemd/*.service; do \
		sed 's|/usr/bin/|$(PREFIX)/bin/|' "$$unit" >$(LIBDIR)/systemd/system/"$${unit##*/}"; done
ifeq ($(DESTDIR),)
	depmod -a $(KVER)
	getent group warren >/dev/null || groupadd --system warren
	[ ! -e /run/udev/control ] || udevadm control --reload
	[ ! -e /run/udev/control ] || [ ! -e /dev/warren ] || udevadm trigger --action=change --name-match=/dev/warren
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
endif

# What a directory of the launcher has
names = $(notdir $(wildcard userspace-cli/$(1)/*))
# Directories below the first one that nobody has anything in
prune = cd $(1) 2>/dev/null && rmdir -p --ignore-fail-on-non-empty $(2) 2>/dev/null || :

# What "systemctl enable" makes, which points nowhere then
AUTOSTART = /etc/systemd/system/multi-user.target.wants/warren-autostart.service

# Of all kernels that it was installed for: DKMS's is in updates/dkms. Where the kernel has gone, nothing else may be there.
uninstall:
ifeq ($(DESTDIR),)
	[ ! -d /run/systemd/system ] || systemctl stop 'warren-autostart*' 'warren@*'
endif
	set -e; for dir in $(DESTDIR)/lib/modules/*; do \
		[ -f "$$dir/updates/warren.ko" ] || continue; \
		rm "$$dir/updates/warren.ko"; \
		rmdir --ignore-fail-on-non-empty "$$dir/updates"; \
		[ -n "$(DESTDIR)" ] || [ ! -e "$$dir/modules.dep" ] || depmod -a "$${dir##*/}"; \
		rmdir --ignore-fail-on-non-empty "$$dir"; \
	done
	rm -f $(DESTDIR)$(PREFIX)/bin/warren
	rm -f $(foreach page,$(call names,man),$(SHAREDIR)/man/man$(subst .,,$(suffix $(page)))/$(page))
	rm -f $(SHAREDIR)/bash-completion/completions/warren
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/include/linux/,$(notdir $(wildcard uapi/linux/*.h)))
	rm -f $(addprefix $(LIBDIR)/udev/rules.d/,$(call names,udev))
	rm -f $(addprefix $(LIBDIR)/sysusers.d/,$(call names,sysusers))
	rm -f $(addprefix $(LIBDIR)/modules-load.d/,$(call names,modules-load))
	rm -f $(addprefix $(LIBDIR)/systemd/system/,$(call names,systemd))
	$(call prune,$(SHAREDIR)/man,man1 man5)
	$(call prune,$(SHAREDIR),bash-completion/completions)
	$(call prune,$(DESTDIR)$(PREFIX)/include,linux)
	$(call prune,$(LIBDIR),udev/rules.d sysusers.d modules-load.d systemd/system)
ifeq ($(DESTDIR),)
	[ -e $(AUTOSTART) ] || rm -f $(AUTOSTART)
	[ ! -e /dev/warren ] || { chmod 600 /dev/warren && chgrp root /dev/warren; }
	! getent group warren >/dev/null || groupdel warren
	[ ! -e /run/udev/control ] || udevadm control --reload
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
endif

# Works without kernel headers too: they may be gone by now.
clean:
	$(MAKE) -C userspace-cli clean
	find . -name .git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name '*.o.d' \) -type f -print0 | xargs -0r rm -f
	rm -rf .tmp_versions
	rm -f Module.symvers modules.order .module-common.o
