/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family: requests about VMs. linux/warren_genl.h says what they mean.
 */
#ifndef WARREN_GENL_H
#define WARREN_GENL_H

struct genl_family;

extern struct genl_family wr_genl_family;

int wr_genl_init(void);
void wr_genl_exit(void);

#endif
