/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf in the host sees what guests do: module parameter perf, off unless asked for.
 */
#ifndef WARREN_PERF_H
#define WARREN_PERF_H

#include <linux/types.h>

struct wr_vcpu;

/* What vCPUs enter by while nobody traces them: wr_backend's enter, or one around it that tells perf. Set once, at load. */
extern u64 (*wr_enter)(struct wr_vcpu *vcpu);
extern bool wr_perf;

int wr_perf_init(void);
void wr_perf_exit(void);
void wr_perf_withdraw(void);
void wr_perf_nmi(struct wr_vcpu *vcpu);

#endif
