/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtualization of the host's CPUs: on while there is a VM.
 */
#ifndef WARREN_HOST_H
#define WARREN_HOST_H

int wr_host_init(void);
void wr_host_exit(void);
int wr_host_get(void);
void wr_host_put(void);
int wr_host_restore(void);
void wr_host_machine_check(void);

#endif
