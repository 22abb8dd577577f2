/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is the kernel's own hypervisor loaded?
 */
#ifndef WARREN_BESIDE_H
#define WARREN_BESIDE_H

int wr_beside_init(void);
void wr_beside_exit(void);

#endif
