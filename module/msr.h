/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers: one table; what only the vendor's control block knows goes through the backend.
 */
#ifndef WARREN_MSR_H
#define WARREN_MSR_H

#include <linux/kvm.h>
#include <linux/types.h>

struct wr_vcpu;

/**
 * wr_msr_get, wr_msr_set - read or write an MSR of a vCPU
 * @vcpu: the vCPU; its thread calls
 * @index: ECX
 * @data: value
 * @host: userspace asks by KVM_GET_MSRS or KVM_SET_MSRS: it may do more than the guest
 *
 * Return: 0, or -EINVAL where the guest gets #GP and userspace a short count.
 * Context: inside or outside a stay; does not sleep (kvm-clock and steal-time pages are written by request).
 */
int wr_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data, bool host);
int wr_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);

int wr_msr_index_list(struct kvm_msr_list __user *user);
int wr_msr_feature_index_list(struct kvm_msr_list __user *user);
int wr_msr_get_feature(u32 index, u64 *data);
void wr_msr_reset(struct wr_vcpu *vcpu, bool init);

#endif
