/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs in the hands of userspace: which accesses of the guest it forbids, and those that it completes.
 */
#ifndef WARREN_MSR_USER_H
#define WARREN_MSR_USER_H

#include <linux/types.h>

#include "backend.h"

/* Why an access fails, beside what wr_msr_get() and wr_msr_set() return */
#define WR_MSR_FILTERED	(-EPERM)

int wr_msr_set_filter(struct wr_vm *vm, const struct kvm_msr_filter *in);
void wr_msr_free_filter(struct wr_vm *vm);
bool wr_msr_allowed(struct wr_vm *vm, u32 index, bool write);
bool wr_msr_any_filtered(const struct wr_vcpu *vcpu, const u32 *msrs, size_t nr);

enum wr_run_result wr_msr_refused(struct wr_vcpu *vcpu, u32 index, bool write, int err);
enum wr_run_result wr_msr_complete(struct wr_vcpu *vcpu);

#endif
