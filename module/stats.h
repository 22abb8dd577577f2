/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_GET_STATS_FD: a file that shows the counters of a VM or a vCPU and describes them.
 */
#ifndef WARREN_STATS_H
#define WARREN_STATS_H

struct wr_vcpu;
struct wr_vm;

int wr_stats_open(struct wr_vm *vm, struct wr_vcpu *vcpu);

#endif
