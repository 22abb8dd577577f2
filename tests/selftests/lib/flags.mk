# SPDX-License-Identifier: GPL-2.0-only
# How programs with guest code in C are built. It runs in a copy of the program: no red zone (interrupts), no PIE (fixed addresses),
# nothing that calls libc behind its back.
ALL_CFLAGS := $(CFLAGS) -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -pthread -mno-red-zone \
	-fno-pie -fcf-protection=none -fno-stack-protector -fno-tree-vectorize \
	-fno-tree-loop-distribute-patterns -fno-strict-aliasing --param=min-pagesize=0
ALL_LDFLAGS := -static -no-pie -pthread -Wl,-z,noexecstack
