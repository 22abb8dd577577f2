// SPDX-License-Identifier: GPL-2.0-only
/* CR8 when userspace has the local APICs: what it is told, and what it may set. */
#include "guest.h"
#include "vm.h"

static inline void write_cr8(u64 v)
{
	asm volatile("movq %0, %%cr8" : : "r"(v) : "memory");
}

static inline u64 read_cr8(void)
{
	u64 v;

	asm volatile("movq %%cr8, %0" : "=r"(v));
	return v;
}

static void up_and_down(u64 arg)
{
	(void)arg;
	write_cr8(5);
	guest_sync(1);
	write_cr8(7);
	write_cr8(7);
	guest_sync(2);
	write_cr8(3);
	write_cr8(0);
	GUEST_EQ(read_cr8(), 0);
	guest_sync(3);
	GUEST_EQ(read_cr8(), 9);
	write_cr8(8);
	guest_sync(4);
	guest_done();
}

static void start(struct vm *vm, struct vcpu *v)
{
	vcpu_init(v, vm, 0);
	vcpu_cpuid(v);
	vcpu_long(v, up_and_down, 0);
}

/* Rising is silent, falling is told. */
TEST(lowered)
{
	struct vcpu v;
	struct vm vm;

	vm_init(&vm);
	start(&vm, &v);
	EXPECT_SYNC(&v, 1);
	CHECK_EQ(v.run->cr8, 5);
	EXPECT_SYNC(&v, 2);
	CHECK_EQ(v.run->cr8, 7);
	EXPECT_EXIT(&v, KVM_EXIT_SET_TPR);
	CHECK_EQ(v.run->cr8, 3);
	EXPECT_EXIT(&v, KVM_EXIT_SET_TPR);
	CHECK_EQ(v.run->cr8, 0);
	EXPECT_SYNC(&v, 3);
	v.run->cr8 = 16;
	CHECK_EQ(vcpu_run_raw(&v), -1);
	CHECK_EQ(errno, EINVAL);
	v.run->cr8 = 9;
	EXPECT_EXIT(&v, KVM_EXIT_SET_TPR);
	CHECK_EQ(v.run->cr8, 8);
	EXPECT_SYNC(&v, 4);
	/* Lower by userspace's own hand: nothing that it did not know */
	v.run->cr8 = 2;
	EXPECT_DONE(&v);
	CHECK_EQ(v.run->cr8, 2);
}

/* With a local APIC here nobody else needs to know, and run->cr8 is only told. */
TEST(in_kernel)
{
	struct vcpu v;
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	start(&vm, &v);
	EXPECT_SYNC(&v, 1);
	CHECK_EQ(v.run->cr8, 5);
	v.run->cr8 = 16;
	EXPECT_SYNC(&v, 2);
	CHECK_EQ(v.run->cr8, 7);
	v.run->cr8 = 1;
	EXPECT_SYNC(&v, 3);
	CHECK_EQ(v.run->cr8, 0);
}
