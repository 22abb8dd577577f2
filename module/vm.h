/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs: made, shared by their files, ended.
 */
#ifndef WARREN_VM_H
#define WARREN_VM_H

#include "warren.h"

int wr_vm_create(unsigned long type);
void wr_vm_get(struct wr_vm *vm);
void wr_vm_put(struct wr_vm *vm);

#endif
