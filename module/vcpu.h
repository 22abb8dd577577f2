/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs: made, reset, started, and their file.
 */
#ifndef WARREN_VCPU_H
#define WARREN_VCPU_H

#include "warren.h"

int wr_vcpu_create(struct wr_vm *vm, u32 id);
void wr_vcpu_destroy(struct wr_vcpu *vcpu);

#endif
