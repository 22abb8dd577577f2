/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtualization of the host's CPUs: on while there is a VM, or borrowed from another hypervisor entry by entry.
 */
#ifndef WARREN_HOST_H
#define WARREN_HOST_H

#include <linux/types.h>

/* Another hypervisor is there. Constant while preemption is off. */
extern bool wr_host_beside;

int wr_host_init(void);
void wr_host_exit(void);
int wr_host_get(void);
void wr_host_put(void);
void wr_host_share(bool present);
bool wr_host_is_rebooting(void);
int wr_host_restore(void);
void wr_host_machine_check(void);

#endif
