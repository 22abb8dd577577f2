/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capabilities: what is advertised, and what has to be enabled.
 */
#ifndef WARREN_CAPS_H
#define WARREN_CAPS_H

struct kvm_enable_cap;
struct wr_vcpu;
struct wr_vm;

long wr_check_extension(struct wr_vm *vm, unsigned long cap);
int wr_vm_enable_cap(struct wr_vm *vm, const struct kvm_enable_cap *enable);
int wr_vcpu_enable_cap(struct wr_vcpu *vcpu, const struct kvm_enable_cap *enable);

#endif
