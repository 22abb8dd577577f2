// SPDX-License-Identifier: GPL-2.0-only
/* The TSC as userspace sets it: its offset as an attribute, the rate of vCPUs to come, what the two MSRs do to each other. */
#include "guest.h"
#include "vm.h"

#define MSR_TSC 0x10
#define MSR_TSC_ADJUST 0x3b
#define FAR (1ull << 50)

static int attr_call(struct vcpu *v, unsigned long call, u32 group, u64 attr, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (unsigned long)value };

	return ioctl(v->fd, call, &a);
}

static u64 get_offset(struct vcpu *v)
{
	u64 offset;

	CHECK_OK(attr_call(v, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset));
	return offset;
}

static void set_offset(struct vcpu *v, u64 offset)
{
	CHECK_OK(attr_call(v, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset));
}

static void start(struct vm *vm, struct vcpu *v, u32 cpus)
{
	u32 i;

	need_ext(KVM_CAP_VCPU_ATTRIBUTES);
	vm_init(vm);
	for (i = 0; i < cpus; i++) {
		vcpu_init(&v[i], vm, i);
		vcpu_cpuid(&v[i]);
	}
}

TEST(attribute_refusals)
{
	struct kvm_device_attr a = { .flags = 1 };
	struct vcpu v;
	struct vm vm;
	u64 value;

	start(&vm, &v, 1);
	CHECK_OK(attr_call(&v, KVM_HAS_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, NULL));
	CHECK_ERR(attr_call(&v, KVM_HAS_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 1, NULL), ENXIO);
	CHECK_ERR(attr_call(&v, KVM_HAS_DEVICE_ATTR, 77, KVM_VCPU_TSC_OFFSET, NULL), ENXIO);
	CHECK_ERR(attr_call(&v, KVM_GET_DEVICE_ATTR, 77, 0, &value), ENXIO);
	CHECK_ERR(attr_call(&v, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 1ull << 32, &value), ENXIO);
	CHECK_ERR(attr_call(&v, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 0, (void *)1), EFAULT);
	CHECK_ERR(attr_call(&v, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 0, (void *)1), EFAULT);
	CHECK_ERR(ioctl(v.fd, KVM_HAS_DEVICE_ATTR, NULL), EFAULT);
	/* KVM does not look. */
	if (!is_kvm())
		CHECK_ERR(ioctl(v.fd, KVM_HAS_DEVICE_ATTR, &a), EINVAL);
}

static void guest_tells(u64 arg)
{
	(void)arg;
	for (;;)
		guest_report(1, rdtsc(), 0);
}

TEST(offset_moves_tsc)
{
	static const u64 offsets[] = { 0, FAR, -(FAR >> 4), 12345 };
	u64 before, after;
	struct ucall u;
	struct vcpu v;
	struct vm vm;
	size_t i;

	start(&vm, &v, 1);
	vcpu_long(&v, guest_tells, 0);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		set_offset(&v, offsets[i]);
		CHECK_EQ(get_offset(&v), offsets[i]);
		before = rdtsc() + offsets[i];
		u = EXPECT_SYNC(&v, 1);
		after = rdtsc() + offsets[i];
		CHECK(u.b - before <= after - before);
		CHECK(get_msr(&v, MSR_TSC) - before <= rdtsc() + offsets[i] - before);
	}
}

static u32 clock_flags(struct vm *vm)
{
	struct kvm_clock_data d = { };

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &d));
	return d.flags;
}

/* One offset for all: the clock is stable across vCPUs, and vCPUs to come join. Two: it is not. */
TEST(equal_offsets_match)
{
	struct vcpu v[3];
	struct vm vm;

	start(&vm, v, 2);
	CHECK_EQ(get_offset(&v[0]), get_offset(&v[1]));
	if (!(clock_flags(&vm) & KVM_CLOCK_HOST_TSC))
		SKIP("the host's TSC is not stable");
	set_offset(&v[0], FAR);
	if (!is_kvm())
		CHECK(!(clock_flags(&vm) & KVM_CLOCK_TSC_STABLE));
	set_offset(&v[1], FAR);
	CHECK_EQ(clock_flags(&vm) & KVM_CLOCK_TSC_STABLE, KVM_CLOCK_TSC_STABLE);
	vcpu_init(&v[2], &vm, 2);
	CHECK_EQ(get_offset(&v[2]), FAR);
	/* A write near what the others read now is the same as theirs. */
	CHECK_EQ(set_msr(&v[0], MSR_TSC, get_msr(&v[1], MSR_TSC)), 1);
	CHECK_EQ(get_offset(&v[0]), FAR);
}

static u64 adjusted(u64 from, u64 to)
{
	return (to - from + FAR / 2) & -FAR;
}

static void guest_adjusts(u64 arg)
{
	u64 t = rdmsr(MSR_TSC), adjust = rdmsr(MSR_TSC_ADJUST);

	(void)arg;
	wrmsr(MSR_TSC, t + FAR);
	GUEST_EQ(adjusted(adjust, rdmsr(MSR_TSC_ADJUST)), FAR);
	guest_sync(1);
	GUEST_EQ(adjusted(adjust, rdmsr(MSR_TSC_ADJUST)), FAR);
	t = rdmsr(MSR_TSC);
	wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) + FAR);
	GUEST_EQ(adjusted(t, rdmsr(MSR_TSC)), FAR);
	guest_done();
}

/* The guest's writes of one MSR show in the other, userspace's do not. */
TEST(adjust_follows_guest_alone)
{
	struct vcpu v;
	struct vm vm;
	u64 tsc, adjust;

	start(&vm, &v, 1);
	vcpu_long(&v, guest_adjusts, 0);
	EXPECT_SYNC(&v, 1);
	tsc = get_msr(&v, MSR_TSC);
	adjust = get_msr(&v, MSR_TSC_ADJUST);
	set_offset(&v, get_offset(&v) + 3 * FAR);
	CHECK_EQ(adjusted(tsc, get_msr(&v, MSR_TSC)), 3 * FAR);
	CHECK_EQ(get_msr(&v, MSR_TSC_ADJUST), adjust);
	CHECK_EQ(set_msr(&v, MSR_TSC, tsc), 1);
	CHECK_EQ(adjusted(tsc, get_msr(&v, MSR_TSC)), 0);
	CHECK_EQ(get_msr(&v, MSR_TSC_ADJUST), adjust);
	CHECK_EQ(set_msr(&v, MSR_TSC_ADJUST, adjust + 5 * FAR), 1);
	CHECK_EQ(adjusted(tsc, get_msr(&v, MSR_TSC)), 0);
	CHECK_EQ(set_msr(&v, MSR_TSC_ADJUST, adjust), 1);
	EXPECT_DONE(&v);
}

TEST(vm_rate_is_the_hosts)
{
	struct vcpu v;
	struct vm vm;
	long khz;

	vm_init(&vm);
	khz = CHECK_OK(ioctl(vm.fd, KVM_GET_TSC_KHZ, 0ul));
	CHECK(khz > 0);
	CHECK_OK(ioctl(vm.fd, KVM_SET_TSC_KHZ, 0ul));
	CHECK_OK(ioctl(vm.fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(vm.fd, KVM_GET_TSC_KHZ, 0ul), khz);
	vcpu_init(&v, &vm, 0);
	CHECK_EQ(ioctl(v.fd, KVM_GET_TSC_KHZ, 0ul), khz);
	if (!is_kvm() && !check_ext(vm.fd, KVM_CAP_VM_TSC_CONTROL))
		CHECK_ERR(ioctl(vm.fd, KVM_SET_TSC_KHZ, khz * 2), EINVAL);
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_VM_TSC_CONTROL), check_ext(vm.fd, KVM_CAP_TSC_CONTROL));
}

static volatile u64 latest;

static void guest_in_order(u64 n)
{
	u64 seen, now;

	while (n--) {
		seen = latest;
		now = rdtsc();
		GUEST_CHECK(now >= seen);
		latest = now;
	}
	guest_done();
}

/* vCPUs that are made after it have the VM's rate, and one TSC. */
TEST(vm_rate_for_vcpus_to_come)
{
	struct vcpu v[3];
	struct vm vm;
	long khz;
	u32 i;

	need_ext(KVM_CAP_VM_TSC_CONTROL);
	vm_init(&vm);
	khz = CHECK_OK(ioctl(vm.fd, KVM_GET_TSC_KHZ, 0ul)) * 2;
	CHECK_OK(ioctl(vm.fd, KVM_SET_TSC_KHZ, khz));
	CHECK_ERR(ioctl(vm.fd, KVM_SET_TSC_KHZ, 0xfffffffful), EINVAL);
	for (i = 0; i < ARRAY_SIZE(v); i++) {
		vcpu_init(&v[i], &vm, i);
		CHECK_EQ(ioctl(v[i].fd, KVM_GET_TSC_KHZ, 0ul), khz);
		vcpu_long(&v[i], guest_in_order, test_scale(20000));
	}
	for (i = 0; i < ARRAY_SIZE(v); i++)
		vcpu_start(&v[i]);
	for (i = 0; i < ARRAY_SIZE(v); i++)
		vcpu_join(&v[i]);
}
