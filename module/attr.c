// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of vCPUs: KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR.
 */
#include <linux/errno.h>
#include <linux/uaccess.h>

#include "attr.h"
#include "warren.h"

/*
 * struct attribute - one value of a vCPU; all are u64
 */
struct attribute {
	u32 group;
	u64 attr;
	u64 (*get)(struct wr_vcpu *vcpu);
	void (*set)(struct wr_vcpu *vcpu, u64 value);
};

static u64 get_tsc_offset(struct wr_vcpu *vcpu)
{
	return vcpu->clock.tsc_offset;
}

static const struct attribute attributes[] = {
	{ KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, get_tsc_offset, wr_tsc_set_offset },
};

/* NULL: there is no such attribute. */
static const struct attribute *find(const struct kvm_device_attr *attr)
{
	const struct attribute *a;

	for (a = attributes; a < attributes + ARRAY_SIZE(attributes); a++)
		if (a->group == attr->group && a->attr == attr->attr)
			return a;
	return NULL;
}

/**
 * wr_attr - KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR on a vCPU
 * @vcpu: the vCPU, locked
 * @attr: which; its addr is where the value is, or goes
 * @op: which call
 *
 * Return: 0; -EINVAL for flags; -ENXIO when there is no such attribute; -EFAULT. Context: may sleep.
 */
int wr_attr(struct wr_vcpu *vcpu, const struct kvm_device_attr *attr, enum wr_attr_op op)
{
	u64 __user *user = u64_to_user_ptr(attr->addr);
	const struct attribute *a = find(attr);
	u64 value;

	if (attr->flags)
		return -EINVAL;
	if (!a)
		return -ENXIO;
	if (op == WR_ATTR_HAS)
		return 0;
	if (op == WR_ATTR_GET)
		return put_user(a->get(vcpu), user);
	if (get_user(value, user))
		return -EFAULT;
	a->set(vcpu, value);
	return 0;
}
