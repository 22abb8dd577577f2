/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of VMs and vCPUs in messages.
 */
#ifndef WARREN_FILL_H
#define WARREN_FILL_H

struct sk_buff;
struct wr_reader;
struct wr_vcpu;
struct wr_vm;

int wr_fill_vm(struct sk_buff *skb, struct wr_vm *vm, const struct wr_reader *reader);
int wr_fill_vcpu(struct sk_buff *skb, struct wr_vcpu *vcpu, const struct wr_reader *reader);

#endif
