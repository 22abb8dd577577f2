/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_UNIT_FAKE_H
#define WARREN_CLI_UNIT_FAKE_H

#include <stdint.h>

#include "guests.h"
#include "netlink.h"

/*
 * A kernel with VMs: 1 "web" runs with two vCPUs, 2 has no name and is paused, 3 and 4 are two users' "db", 5 has no vCPU.
 * Each dump of VMs finds them a second older.
 */
extern const struct wr_transport fake_transport;

/**
 * struct fake - how it is to behave
 * @open: what opening ends with
 * @request: what the next requests that are not looks end with
 * @words: what the kernel says to it
 * @disturbed: so many dumps are disturbed
 * @pid: of VM 1
 * @changes: VM 1 is another one at the second look at it
 * @gone: no VM is there after the first look, and nothing happens any more
 * @dump: what looking at all VMs ends with
 * @looks: how many there were
 * @paused: id of the VM that was paused last, then of the one that was resumed
 * @name: that was set last
 */
struct fake {
	int open;
	int request;
	const char *words;
	unsigned int disturbed;
	uint32_t pid;
	bool changes;
	bool gone;
	int dump;
	unsigned int looks;
	uint32_t paused;
	uint32_t resumed;
	char name[WARREN_NAME_SIZE];
};

extern struct fake fake;

#endif
