/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs: made, reset, started, and their file.
 */
#ifndef WARREN_VCPU_H
#define WARREN_VCPU_H

#include "warren.h"

int wr_vcpu_create(struct wr_vm *vm, u32 id);
void wr_vcpu_destroy(struct wr_vcpu *vcpu);

enum wr_msrs_op {
	WR_MSRS_GET,
	WR_MSRS_SET,
	WR_MSRS_FEATURES,
};

long wr_msrs_transfer(struct kvm_msrs __user *user, struct wr_vcpu *vcpu, enum wr_msrs_op op);

#endif
