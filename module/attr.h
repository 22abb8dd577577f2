/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of vCPUs.
 */
#ifndef WARREN_ATTR_H
#define WARREN_ATTR_H

struct kvm_device_attr;
struct wr_vcpu;

enum wr_attr_op { WR_ATTR_HAS, WR_ATTR_GET, WR_ATTR_SET };

int wr_attr(struct wr_vcpu *vcpu, const struct kvm_device_attr *attr, enum wr_attr_op op);

#endif
