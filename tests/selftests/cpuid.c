// SPDX-License-Identifier: GPL-2.0-only
/* What the guest's CPUID says is what KVM_SET_CPUID2 said, by the rules of the instruction. */
#include <stdlib.h>

#include "guest.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

struct cpuid_list {
	struct kvm_cpuid2 h;
	struct kvm_cpuid_entry2 e[256];
};

static struct {
	volatile u32 leaf, sub;
	struct cpuid_regs r;
} query;

static void guest_answers(u64 arg)
{
	(void)arg;
	for (;;) {
		query.r = cpuid(query.leaf, query.sub);
		guest_sync(1);
	}
}

static void start(struct machine *m, const struct cpuid_list *l)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	if (l)
		CHECK_OK(ioctl(m->v.fd, KVM_SET_CPUID2, l));
	vcpu_long(&m->v, guest_answers, 0);
}

static struct cpuid_regs ask(struct machine *m, u32 leaf, u32 sub)
{
	GUEST_VAR(&m->vm, query.leaf) = leaf;
	GUEST_VAR(&m->vm, query.sub) = sub;
	EXPECT_SYNC(&m->v, 1);
	return *(struct cpuid_regs *)vm_var(&m->vm, &query.r);
}

static void expect(struct machine *m, u32 leaf, u32 sub, u32 a, u32 b, u32 c, u32 d)
{
	struct cpuid_regs r = ask(m, leaf, sub);

	if (r.a != a || r.b != b || r.c != c || r.d != d)
		FAIL("leaf %#x.%u: expected %#x %#x %#x %#x, got %#x %#x %#x %#x", leaf, sub,
		     a, b, c, d, r.a, r.b, r.c, r.d);
}

static struct cpuid_list *supported(struct vm *vm)
{
	struct cpuid_list *l = calloc(1, sizeof(*l));
	int fd = vm ? vm->dev : open_device();

	l->h.nent = 256;
	CHECK_OK(ioctl(fd, KVM_GET_SUPPORTED_CPUID, l));
	return l;
}

static const struct kvm_cpuid_entry2 *find(const struct cpuid_list *l, u32 leaf)
{
	u32 i;

	for (i = 0; i < l->h.nent; i++)
		if (l->e[i].function == leaf)
			return &l->e[i];
	return NULL;
}

TEST(exact)
{
	struct cpuid_list *l = calloc(1, sizeof(*l));
	struct machine m;

	l->h.nent = 4;
	l->e[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 0x10, .ebx = 0x68747541,
					     .ecx = 0x444d4163, .edx = 0x69746e65 };
	l->e[1] = (struct kvm_cpuid_entry2){ .function = 4, .index = 0, .eax = 1, .ebx = 2,
					     .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	l->e[2] = (struct kvm_cpuid_entry2){ .function = 4, .index = 1, .eax = 3, .ebx = 4,
					     .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	l->e[3] = (struct kvm_cpuid_entry2){ .function = 0x40000000, .eax = 0x40000001,
					     .ebx = 0x6b, .ecx = 0x6c, .edx = 0x6d };
	start(&m, l);
	expect(&m, 0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
	expect(&m, 0, 55, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
	expect(&m, 4, 0, 1, 2, 0, 0);
	expect(&m, 4, 1, 3, 4, 0, 0);
	expect(&m, 4, 2, 0, 0, 0, 0);
	expect(&m, 0x40000000, 0, 0x40000001, 0x6b, 0x6c, 0x6d);
	/* AMD: beyond the last leaf there is nothing. */
	expect(&m, 0x11, 0, 0, 0, 0, 0);
	expect(&m, 0x90000000, 0, 0, 0, 0, 0);
}

TEST(none_set)
{
	struct machine m;

	start(&m, NULL);
	expect(&m, 0, 0, 0, 0, 0, 0);
	expect(&m, 1, 0, 0, 0, 0, 0);
}

TEST(supported_is_what_the_guest_gets)
{
	struct cpuid_list *l = supported(NULL);
	struct machine m;
	u32 i;

	start(&m, l);
	for (i = 0; i < l->h.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &l->e[i];

		/* OSXSAVE, XSAVE sizes, APIC ids: these follow the vCPU's state. */
		if (e->function == 1 || e->function == 7 || e->function == 0xb ||
		    e->function == 0xd || e->function == 0x1f || e->function == 0x8000001e)
			continue;
		expect(&m, e->function, e->index, e->eax, e->ebx, e->ecx, e->edx);
	}
}

TEST(supported_is_sane)
{
	struct cpuid_list *l = supported(NULL);
	const struct kvm_cpuid_entry2 *e;

	e = find(l, 0x40000000);
	CHECK(e);
	CHECK_EQ(e->ebx, 0x4b4d564b);
	CHECK(e->eax >= 0x40000001 || e->eax == 0);
	CHECK(find(l, 0x40000001));
	e = find(l, 1);
	CHECK(e);
	/* x2APIC is ours to give; FPU, TSC, MSR, PAE, CX8, APIC, SSE2. */
	CHECK_EQ(e->ecx >> 21 & 1, 1);
	CHECK_EQ(e->edx & 0x06000371, 0x06000371);
	/* No MONITOR: the guest must not stop the CPU. */
	CHECK_EQ(e->ecx >> 3 & 1, 0);
	e = find(l, 0x80000001);
	CHECK(e && e->edx >> 29 & 1);
	e = find(l, 0x80000008);
	CHECK(e && (e->eax & 0xff) >= 36 && (e->eax >> 8 & 0xff) >= 48);
}

/* Nothing is offered that the host's CPU does not have. */
TEST(supported_within_the_host)
{
	struct cpuid_list *l = supported(NULL);
	const struct kvm_cpuid_entry2 *e = find(l, 1);
	struct cpuid_regs host = cpuid(1, 0);
	u32 ours = 1u << 31 | 1u << 21 | 1u << 24;

	CHECK_EQ(e->ecx & ~host.c & ~ours, 0);
	CHECK_EQ(e->edx & ~host.d, 0);
	e = find(l, 7);
	if (e) {
		host = cpuid(7, 0);
		/* TSC_ADJUST and UMIP may be made in software. */
		CHECK_EQ(e->ebx & ~host.b & ~2u, 0);
		CHECK_EQ(e->ecx & ~host.c & ~4u, 0);
	}
}

static void guest_sets_osxsave(u64 arg)
{
	u64 cr4;

	(void)arg;
	GUEST_EQ(cpuid(1, 0).c >> 27 & 1, 0);
	asm volatile("movq %%cr4, %0" : "=r"(cr4));
	asm volatile("movq %0, %%cr4" : : "r"(cr4 | 1 << 18));
	GUEST_EQ(cpuid(1, 0).c >> 27 & 1, 1);
	GUEST_EQ(cpuid(0xd, 0).b, 576);
	asm volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
	GUEST_EQ(GUEST_TRY("xsetbv", : : "a"(0), "d"(0), "c"(0) : "memory"), 13);
	GUEST_EQ(GUEST_TRY("xsetbv", : : "a"(5), "d"(0), "c"(0) : "memory"), 13);
	GUEST_EQ(GUEST_TRY("xsetbv", : : "a"(3), "d"(1u << 31), "c"(0) : "memory"), 13);
	GUEST_EQ(GUEST_TRY("xsetbv", : : "a"(3), "d"(0), "c"(7) : "memory"), 13);
	if (cpuid(0xd, 0).a & 4)
		asm volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
	guest_report(1, cpuid(0xd, 0).a & 7, cpuid(0xd, 0).b);
	guest_done();
}

/* Shadow tables have no protection keys, and nobody serves INVPCID there. */
TEST(not_with_shadow_paging)
{
	struct cpuid_list *l = supported(NULL);
	const struct kvm_cpuid_entry2 *e;

	if (!host_has_shadow())
		SKIP("guests have nested paging");
	e = find(l, 7);
	CHECK(e);
	CHECK_EQ(e->ebx >> 10 & 1, 0);		/* INVPCID */
	CHECK_EQ(e->ecx >> 3 & 3, 0);		/* PKU, OSPKE */
}

TEST(osxsave_follows_cr4)
{
	struct kvm_xcrs x;
	struct machine m;
	struct ucall u;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	if (!(find(supported(NULL), 1)->ecx >> 26 & 1))
		SKIP("no XSAVE");
	vcpu_long(&m.v, guest_sets_osxsave, 0);
	u = EXPECT_SYNC(&m.v, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XCRS, &x));
	if (u.b == 7 && x.xcrs[0].value == 1)
		SKIP("the emulator runs XSETBV without an exit");
	CHECK_EQ(x.xcrs[0].value, u.b);
	CHECK_EQ(u.c, u.b == 7 ? 832 : 576);
	EXPECT_DONE(&m.v);
}

static void guest_uses_what_is_hidden(u64 arg)
{
	u64 cr4;

	(void)arg;
	asm volatile("movq %%cr4, %0" : "=r"(cr4));
	GUEST_EQ(GUEST_TRY("movq %0, %%cr4", : : "r"(cr4 | 1 << 18) : "memory"), 13);
	GUEST_EQ(GUEST_TRY("movq %0, %%cr4", : : "r"(cr4 | 1 << 20) : "memory"), 13);
	guest_done();
}

/* A feature that the VMM takes away is gone from CR4, too. */
TEST(hidden_features)
{
	struct cpuid_list *l = supported(NULL);
	struct machine m;
	u32 i;

	for (i = 0; i < l->h.nent; i++) {
		if (l->e[i].function == 1)
			l->e[i].ecx &= ~(1u << 26);
		if (l->e[i].function == 7)
			l->e[i].ebx = 0;
	}
	start(&m, l);
	vcpu_long(&m.v, guest_uses_what_is_hidden, 0);
	EXPECT_DONE(&m.v);
}

TEST(change_after_run)
{
	struct cpuid_list *l = supported(NULL);
	struct machine m;

	start(&m, l);
	ask(&m, 0, 0);
	/* The same again is no change. */
	CHECK_OK(ioctl(m.v.fd, KVM_SET_CPUID2, l));
	l->e[0].eax ^= 1;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_CPUID2, l), EINVAL);
}

static void guest_counts(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		GUEST_EQ(cpuid(0, 0).b, cpuid(0, 1).b);
	guest_done();
}

TEST(many)
{
	struct machine m;

	start(&m, supported(NULL));
	vcpu_long(&m.v, guest_counts, test_scale(5000));
	EXPECT_DONE(&m.v);
}
