/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling others what happened to a VM: the multicast group, and sockets that asked for it by WARREN_CMD_LISTEN.
 *
 * Nobody waits for a listener: what it has no room for is counted, and it is told the number before the next that it gets.
 * All of it happens in process context, in the order in which it is called.
 */
#ifndef WARREN_NOTICE_H
#define WARREN_NOTICE_H

#include <linux/types.h>

#include <linux/warren_genl.h>

struct wr_reader;
struct wr_vm;

void wr_notice(struct wr_vm *vm, enum warren_event what, int vcpu, u32 reason);
int wr_listen(const struct wr_reader *reader, u32 portid);
int wr_notice_init(void);
void wr_notice_exit(void);

#endif
