/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs that never run, each with a local APIC: what the suites of the local APIC have in common.
 */
#ifndef WARREN_LAPIC_FIXTURE_H
#define WARREN_LAPIC_FIXTURE_H

#include <kunit/test.h>
#include <linux/xarray.h>
#include <asm/tsc.h>

#include "irq/lapic.h"
#include "warren.h"

#define NR_VCPUS	4
#define ALL_VCPUS	GENMASK(NR_VCPUS - 1, 0)
#define BASE		APIC_DEFAULT_PHYS_BASE

#define SVR_ON		(APIC_SPIV_APIC_ENABLED | 0xff)

struct fixture {
	struct wr_vm vm;
	struct wr_vcpu vcpu[NR_VCPUS];
};

static inline u32 rd(struct wr_vcpu *vcpu, u32 offset)
{
	u32 value = ~0;

	wr_lapic_mmio_read(vcpu, BASE + offset, sizeof(value), &value);
	return value;
}

static inline void wr(struct wr_vcpu *vcpu, u32 offset, u32 value)
{
	wr_lapic_mmio_write(vcpu, BASE + offset, sizeof(value), &value);
}

static inline bool in_irr(struct wr_vcpu *vcpu, u8 vector)
{
	return wr_lapic_test_vector(vcpu->lapic, APIC_IRR, vector);
}

/* Which vCPUs have @vector pending; it is taken away. */
static inline unsigned long who_got(struct fixture *fix, u8 vector)
{
	unsigned long who = 0;
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		if (test_and_clear_bit(vector & 31,
				       wr_lapic_word(fix->vcpu[i].lapic, APIC_IRR, vector)))
			who |= BIT(i);
	return who;
}

static inline int fixture_init(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct wr_vcpu *vcpu;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	test->priv = fix;
	xa_init(&fix->vm.vcpus);
	fix->vm.irq.mode = WR_IRQCHIP_KERNEL;
	for (i = 0; i < NR_VCPUS; i++) {
		vcpu = &fix->vcpu[i];
		vcpu->vm = &fix->vm;
		vcpu->id = i;
		vcpu->index = i;
		vcpu->cpu = -1;
		vcpu->clock.tsc_khz = tsc_khz;
		rcuwait_init(&vcpu->wait);
		vcpu->cpuid.caps[X86_FEATURE_X2APIC / 32] |= BIT(X86_FEATURE_X2APIC % 32);
		vcpu->cpuid.caps[X86_FEATURE_TSC_DEADLINE_TIMER / 32] |=
			BIT(X86_FEATURE_TSC_DEADLINE_TIMER % 32);
		vcpu->cpuid.reserved_gpa_bits = GENMASK_ULL(51, 40);
		KUNIT_ASSERT_EQ(test, wr_lapic_create(vcpu), 0);
		KUNIT_ASSERT_EQ(test, xa_err(xa_store(&fix->vm.vcpus, i, vcpu, GFP_KERNEL)), 0);
		atomic_inc(&fix->vm.online_vcpus);
		wr_lapic_ids_add(vcpu);
	}
	for (i = 0; i < NR_VCPUS; i++)
		wr(&fix->vcpu[i], APIC_SPIV, SVR_ON);
	return 0;
}

static inline void fixture_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned int i;

	if (!fix)
		return;
	for (i = 0; i < NR_VCPUS; i++)
		wr_lapic_destroy(&fix->vcpu[i]);
	wr_lapic_ids_free(&fix->vm);
	xa_destroy(&fix->vm.vcpus);
}

#endif
