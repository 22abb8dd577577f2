# SPDX-License-Identifier: GPL-2.0-only
# Libraries of the launcher, for its Makefile and for that of its tests, and the Debian packages that have them: the tests'
# scripts install those.
LIBRARIES := libnl-genl-3.0 json-c inih
LIBRARY_PACKAGES := pkg-config libnl-3-dev libnl-genl-3-dev libjson-c-dev libinih-dev
PKG_CONFIG ?= pkg-config
LIBRARY_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LIBRARY_LIBS := $(shell $(PKG_CONFIG) $(if $(STATIC),--static) --libs $(LIBRARIES) 2>/dev/null)

CPPFLAGS += $(LIBRARY_CFLAGS)
LDLIBS += $(LIBRARY_LIBS) -pthread

.DEFAULT_GOAL := all
.PHONY: libraries
libraries:
	@$(PKG_CONFIG) --exists $(LIBRARIES) || { \
		echo "libraries are missing: apt-get install $(LIBRARY_PACKAGES)" >&2; exit 1; }
