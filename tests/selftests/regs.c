// SPDX-License-Identifier: GPL-2.0-only
/* The state of a vCPU: what is set is got back, what cannot be is refused. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "guest.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
}

TEST(reset_state)
{
	struct kvm_sregs s;
	struct kvm_regs r;
	struct machine m;

	start(&m);
	get_regs(&m.v, &r);
	get_sregs(&m.v, &s);
	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(s.cs.selector, 0xf000);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(s.cr0, 0x60000010);
	CHECK_EQ(s.cr3, 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.apic_base, 0xfee00900);
}

TEST(regs_round_trip)
{
	struct kvm_regs in, out;
	struct machine m;
	u64 *p = (u64 *)&in;
	u32 i;

	start(&m);
	for (i = 0; i < sizeof(in) / 8; i++)
		p[i] = 0x1111111111111111ull * (i % 15 + 1) + i;
	in.rflags = 0x202;
	set_regs(&m.v, &in);
	get_regs(&m.v, &out);
	CHECK(!memcmp(&in, &out, sizeof(in)));
	/* Bit 1 is always one. */
	in.rflags = 0;
	set_regs(&m.v, &in);
	get_regs(&m.v, &out);
	CHECK_EQ(out.rflags, 2);
}

TEST(regs_bad_pointers)
{
	struct machine m;

	start(&m);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_REGS, NULL), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_REGS, NULL), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_REGS, ~0ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_SREGS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_SREGS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_FPU, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_FPU, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_XSAVE, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XSAVE, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_XCRS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XCRS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_DEBUGREGS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_DEBUGREGS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_MSRS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_MSRS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_CPUID2, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_CPUID2, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_MP_STATE, 8ul), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_MP_STATE, 8ul), EFAULT);
}

static void check_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	CHECK_EQ(a->base, b->base);
	CHECK_EQ(a->limit, b->limit);
	CHECK_EQ(a->selector, b->selector);
	CHECK_EQ(a->type, b->type);
	CHECK_EQ(a->present, b->present);
	CHECK_EQ(a->dpl, b->dpl);
	CHECK_EQ(a->db, b->db);
	CHECK_EQ(a->s, b->s);
	CHECK_EQ(a->l, b->l);
	CHECK_EQ(a->g, b->g);
}

static void check_sregs(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	check_segment(&a->cs, &b->cs);
	check_segment(&a->ds, &b->ds);
	check_segment(&a->es, &b->es);
	check_segment(&a->fs, &b->fs);
	check_segment(&a->gs, &b->gs);
	check_segment(&a->ss, &b->ss);
	check_segment(&a->tr, &b->tr);
	CHECK_EQ(a->gdt.base, b->gdt.base);
	CHECK_EQ(a->gdt.limit, b->gdt.limit);
	CHECK_EQ(a->idt.base, b->idt.base);
	CHECK_EQ(a->idt.limit, b->idt.limit);
	CHECK_EQ(a->cr0, b->cr0);
	CHECK_EQ(a->cr2, b->cr2);
	CHECK_EQ(a->cr3, b->cr3);
	CHECK_EQ(a->cr4, b->cr4);
	CHECK_EQ(a->cr8, b->cr8);
	CHECK_EQ(a->efer, b->efer);
	CHECK_EQ(a->apic_base, b->apic_base);
}

TEST(sregs_round_trip)
{
	struct kvm_sregs in, out;
	struct machine m;

	start(&m);
	vcpu_long_at(&m.v, GPA_CODE);
	get_sregs(&m.v, &in);
	in.fs.base = 0x7fff12345000;
	in.gs.base = 0xffff888012345000;
	in.ds.selector = 0x2b;
	in.ds.dpl = 3;
	in.cr2 = 0x123456789abc;
	in.cr8 = 5;
	in.ldt = (struct kvm_segment){
		.base = 0x5000, .limit = 0xfff, .selector = 0x30, .type = 2, .present = 1,
	};
	set_sregs(&m.v, &in);
	get_sregs(&m.v, &out);
	check_sregs(&out, &in);
	check_segment(&out.ldt, &in.ldt);
}

TEST(sregs_round_trip_of_reset)
{
	struct kvm_sregs in, out;
	struct machine m;

	start(&m);
	get_sregs(&m.v, &in);
	set_sregs(&m.v, &in);
	get_sregs(&m.v, &out);
	check_sregs(&out, &in);
}

/* A segment that is not present stays so. */
TEST(sregs_unusable_segment)
{
	struct kvm_sregs in, out;
	struct machine m;

	start(&m);
	vcpu_long_at(&m.v, GPA_CODE);
	get_sregs(&m.v, &in);
	in.fs.present = 0;
	in.fs.unusable = 1;
	set_sregs(&m.v, &in);
	get_sregs(&m.v, &out);
	CHECK_EQ(out.fs.unusable, 1);
	CHECK_EQ(out.ss.unusable, 0);
}

#define REFUSED(m, field, value)					\
	do {								\
		struct kvm_sregs s_;					\
		get_sregs(&(m)->v, &s_);				\
		s_.field = (value);					\
		CHECK_ERR(ioctl((m)->v.fd, KVM_SET_SREGS, &s_), EINVAL);	\
	} while (0)

TEST(sregs_refusals)
{
	struct machine m;
	struct kvm_sregs before, after;

	start(&m);
	vcpu_long_at(&m.v, GPA_CODE);
	get_sregs(&m.v, &before);
	REFUSED(&m, cr4, before.cr4 | 1ull << 15);
	REFUSED(&m, cr4, before.cr4 | 1ull << 40);
	REFUSED(&m, cr4, before.cr4 & ~0x20ull);
	REFUSED(&m, efer, before.efer & ~0x400ull);
	REFUSED(&m, cr3, 1ull << 60);
	REFUSED(&m, apic_base, before.apic_base | 1ull << 60);
	REFUSED(&m, apic_base, before.apic_base | 1);
	get_sregs(&m.v, &after);
	check_sregs(&after, &before);
}

/* Before anybody has said what the guest has, CR4 takes what it could be given, and nothing else. */
TEST(sregs_before_cpuid)
{
	struct cpuid_regs leaf7 = cpuid(7, 0);
	struct kvm_sregs in, out;
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	get_sregs(&m.v, &in);
	if (leaf7.b & 1 << 7)
		in.cr4 |= 1 << 20;
	if (leaf7.b & 1)
		in.cr4 |= 1 << 16;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SREGS, &in));
	get_sregs(&m.v, &out);
	CHECK_EQ(out.cr4, in.cr4);
	REFUSED(&m, cr4, in.cr4 | 1ull << 15);
	REFUSED(&m, cr4, in.cr4 | 1ull << 40);
}

TEST(fpu_round_trip)
{
	struct kvm_fpu in = { }, out;
	struct machine m;
	u32 i;

	start(&m);
	for (i = 0; i < sizeof(in.fpr); i++)
		((u8 *)in.fpr)[i] = i % 16 < 10 ? i : 0;
	for (i = 0; i < sizeof(in.xmm); i++)
		((u8 *)in.xmm)[i] = i + 1;
	in.fcw = 0x27f;
	in.fsw = 0x3800;
	in.ftwx = 0xff;
	in.mxcsr = 0x1f80;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_FPU, &in));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_FPU, &out));
	CHECK(!memcmp(in.fpr, out.fpr, sizeof(in.fpr)));
	CHECK(!memcmp(in.xmm, out.xmm, sizeof(in.xmm)));
	CHECK_EQ(out.fcw, in.fcw);
	CHECK_EQ(out.fsw, in.fsw);
	CHECK_EQ(out.ftwx, in.ftwx);
}

/* Offsets in the XSAVE area. */
#define XS_MXCSR 24
#define XS_XMM 160
#define XS_XSTATE_BV 512
#define XS_XCOMP_BV 520

static void xs_put(struct kvm_xsave *x, u32 offset, u64 value, size_t n)
{
	memcpy((u8 *)x + offset, &value, n);
}

static u64 xs_get(const struct kvm_xsave *x, u32 offset)
{
	u64 v;

	memcpy(&v, (const u8 *)x + offset, 8);
	return v;
}

TEST(xsave_round_trip)
{
	struct kvm_xsave in, out;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, &in));
	xs_put(&in, XS_XMM, 0x1122334455667788, 8);
	xs_put(&in, XS_XMM + 15 * 16, 0x99aabbccddeeff00, 8);
	xs_put(&in, XS_MXCSR, 0x1fc0, 4);
	xs_put(&in, XS_XSTATE_BV, xs_get(&in, XS_XSTATE_BV) | 3, 8);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, &in));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, &out));
	CHECK_EQ(xs_get(&out, XS_XMM), 0x1122334455667788);
	CHECK_EQ(xs_get(&out, XS_XMM + 15 * 16), 0x99aabbccddeeff00);
	CHECK_EQ(xs_get(&out, XS_MXCSR) & 0xffffffff, 0x1fc0);
}

TEST(xsave_refusals)
{
	struct kvm_xsave in, bad;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, &in));
	bad = in;
	xs_put(&bad, XS_XSTATE_BV, 1ull << 62 | 3, 8);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XSAVE, &bad), EINVAL);
	bad = in;
	xs_put(&bad, XS_XSTATE_BV, 3, 8);
	xs_put(&bad, XS_MXCSR, 0xffffffff, 4);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XSAVE, &bad), EINVAL);
	bad = in;
	xs_put(&bad, XS_XCOMP_BV + 8, 1, 8);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XSAVE, &bad), EINVAL);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, &in));
}

static void guest_reads_xmm(u64 arg)
{
	u64 lo;

	asm volatile("movq %%xmm5, %0" : "=r"(lo));
	GUEST_EQ(lo, arg);
	asm volatile("movq %0, %%xmm6" : : "r"(~arg));
	guest_sync(1);
	guest_done();
}

TEST(xsave_reaches_the_guest)
{
	u64 magic = 0x0123456789abcdef;
	struct kvm_xsave x;
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_reads_xmm, magic);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, &x));
	xs_put(&x, XS_XMM + 5 * 16, magic, 8);
	xs_put(&x, XS_MXCSR, 0x1f80, 4);
	xs_put(&x, XS_XSTATE_BV, 3, 8);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, &x));
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, &x));
	CHECK_EQ(xs_get(&x, XS_XMM + 6 * 16), ~magic);
	CHECK_EQ(xs_get(&x, XS_XMM + 5 * 16), magic);
}

TEST(xsave2)
{
	struct machine m;
	u8 *x;
	int n;

	need_ext(KVM_CAP_XSAVE2);
	start(&m);
	n = check_ext(m.vm.fd, KVM_CAP_XSAVE2);
	CHECK(n >= 4096);
	x = calloc(1, n);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE2, x));
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, x));
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_XSAVE2, 8ul), EFAULT);
}

static int set_xcr0(struct machine *m, u64 value)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = value };

	return ioctl(m->v.fd, KVM_SET_XCRS, &x);
}

TEST(xcrs)
{
	struct kvm_xcrs x;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.flags, 0);
	CHECK_EQ(x.xcrs[0].xcr, 0);
	CHECK_EQ(x.xcrs[0].value, 1);
	CHECK_OK(set_xcr0(&m, 3));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.xcrs[0].value, 3);
	CHECK_ERR(set_xcr0(&m, 0), EINVAL);
	CHECK_ERR(set_xcr0(&m, 2), EINVAL);
	CHECK_ERR(set_xcr0(&m, 5), EINVAL);
	CHECK_ERR(set_xcr0(&m, 1ull << 62 | 3), EINVAL);
	x.flags = 1;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XCRS, &x), EINVAL);
	x.flags = 0;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_XCRS, &x), EINVAL);
}

TEST(debugregs)
{
	struct kvm_debugregs in = { .db = { 1, 2, 3, 0x7fffffffe000 }, .dr6 = 0xffff0ff1,
				    .dr7 = 0x455 }, out;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_DEBUGREGS, &out));
	CHECK_EQ(out.dr6, 0xffff0ff0);
	CHECK_EQ(out.dr7, 0x400);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_DEBUGREGS, &in));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_DEBUGREGS, &out));
	CHECK(!memcmp(in.db, out.db, sizeof(in.db)));
	CHECK_EQ(out.dr6, in.dr6);
	CHECK_EQ(out.dr7, in.dr7);
	in.flags = 1;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_DEBUGREGS, &in), EINVAL);
	in.flags = 0;
	in.dr6 = 1ull << 32;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_DEBUGREGS, &in), EINVAL);
	in.dr6 = 0xffff0ff0;
	in.dr7 = 1ull << 32 | 0x400;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_DEBUGREGS, &in), EINVAL);
}

TEST(mp_state_without_irqchip)
{
	struct kvm_mp_state s = { .mp_state = 99 };
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_MP_STATE, &s));
	s.mp_state = KVM_MP_STATE_HALTED;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_MP_STATE, &s), EINVAL);
	s.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_MP_STATE, &s), EINVAL);
}

TEST(mp_state_with_irqchip)
{
	static const u32 states[] = { KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED,
				      KVM_MP_STATE_HALTED, KVM_MP_STATE_RUNNABLE };
	struct kvm_mp_state s, in;
	struct vcpu v[2];
	struct vm vm;
	u32 i;

	vm_init(&vm);
	vm_irqchip(&vm);
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 1);
	CHECK_OK(ioctl(v[0].fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(v[1].fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_UNINITIALIZED);
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		in.mp_state = states[i];
		CHECK_OK(ioctl(v[1].fd, KVM_SET_MP_STATE, &in));
		CHECK_OK(ioctl(v[1].fd, KVM_GET_MP_STATE, &s));
		CHECK_EQ(s.mp_state, states[i]);
	}
	/* States of other architectures, and none at all. */
	in.mp_state = KVM_MP_STATE_STOPPED;
	CHECK_ERR(ioctl(v[1].fd, KVM_SET_MP_STATE, &in), EINVAL);
	in.mp_state = 0xffffffff;
	CHECK_ERR(ioctl(v[1].fd, KVM_SET_MP_STATE, &in), EINVAL);
}

TEST(boot_cpu_id)
{
	struct kvm_mp_state s;
	struct vcpu v[2];
	struct vm vm;

	need_ext(KVM_CAP_SET_BOOT_CPU_ID);
	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_SET_BOOT_CPU_ID, 1ul));
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 1);
	CHECK_OK(ioctl(v[0].fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_UNINITIALIZED);
	CHECK_OK(ioctl(v[1].fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_BOOT_CPU_ID, 0ul), EBUSY);
}

struct cpuid_list {
	struct kvm_cpuid2 h;
	struct kvm_cpuid_entry2 e[256];
};

TEST(cpuid_round_trip)
{
	struct cpuid_list *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));
	struct machine m;
	u32 i;

	start(&m);
	in->h.nent = 2;
	in->e[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 1, .ebx = 0x11111111 };
	in->e[1] = (struct kvm_cpuid_entry2){ .function = 0x40000010, .eax = 5, .ebx = 6,
					      .ecx = 7, .edx = 8 };
	CHECK_OK(ioctl(m.v.fd, KVM_SET_CPUID2, in));
	out->h.nent = 1;
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_CPUID2, out), E2BIG);
	out->h.nent = 256;
	CHECK_OK(ioctl(m.v.fd, KVM_GET_CPUID2, out));
	for (i = 0; i < 2; i++) {
		CHECK_EQ(out->e[i].function, in->e[i].function);
		CHECK_EQ(out->e[i].eax, in->e[i].eax);
		CHECK_EQ(out->e[i].ebx, in->e[i].ebx);
	}
	in->h.nent = 257;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_CPUID2, in), E2BIG);
	in->h.nent = 0xffffffff;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_CPUID2, in), E2BIG);
	in->h.nent = 0;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_CPUID2, in));
}

struct msr_list {
	struct kvm_msrs h;
	struct kvm_msr_entry e[300];
};

TEST(msrs_counted)
{
	struct msr_list *l = calloc(1, sizeof(*l));
	struct machine m;

	start(&m);
	l->h.nmsrs = 3;
	l->e[0].index = 0xc0000102;
	l->e[0].data = 0xffff888000001000;
	l->e[1].index = 0xdead0001;
	l->e[2].index = 0xc0000102;
	l->e[2].data = 1;
	CHECK_EQ(ioctl(m.v.fd, KVM_SET_MSRS, l), 1);
	CHECK_EQ(get_msr(&m.v, 0xc0000102), 0xffff888000001000);
	CHECK_EQ(ioctl(m.v.fd, KVM_GET_MSRS, l), 1);
	l->h.nmsrs = 0;
	CHECK_EQ(ioctl(m.v.fd, KVM_SET_MSRS, l), 0);
	l->h.nmsrs = 256;
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_MSRS, l), E2BIG);
	l->h.nmsrs = 0xffffffff;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_MSRS, l), E2BIG);
}

TEST(tsc_khz)
{
	struct machine m;
	long khz;

	start(&m);
	khz = CHECK_OK(ioctl(m.v.fd, KVM_GET_TSC_KHZ, 0ul));
	CHECK(khz > 10000);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_TSC_KHZ, 0ul));
	CHECK_OK(ioctl(m.v.fd, KVM_SET_TSC_KHZ, (unsigned long)khz));
	CHECK_EQ(ioctl(m.v.fd, KVM_GET_TSC_KHZ, 0ul), khz);
}

TEST(vcpu_events_round_trip)
{
	struct kvm_vcpu_events e, out;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.exception.injected, 0);
	CHECK_EQ(e.nmi.pending, 0);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x18;
	e.nmi.pending = 1;
	e.nmi.masked = 1;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &out));
	CHECK_EQ(out.exception.injected, 1);
	CHECK_EQ(out.exception.nr, 13);
	CHECK_EQ(out.exception.error_code, 0x18);
	CHECK_EQ(out.nmi.pending, 1);
	CHECK_EQ(out.nmi.masked, 1);
}

TEST(vcpu_events_refusals)
{
	struct kvm_vcpu_events e;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	e.flags = 1u << 31;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e.flags = 0;
	e.exception.injected = 1;
	e.exception.nr = 32;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
	e.exception.nr = 2;
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e), EINVAL);
}

static volatile u64 seen_vector, seen_error;

static void on_injected(struct guest_frame *f)
{
	seen_vector = f->vector;
	seen_error = f->error;
}

static void guest_waits_for_exception(u64 arg)
{
	guest_handler[arg] = on_injected;
	guest_sync(1);
	GUEST_EQ(seen_vector, arg);
	GUEST_EQ(seen_error, arg == 13 ? 0x18 : 0);
	guest_done();
}

static void inject(u32 nr)
{
	struct kvm_vcpu_events e;
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_waits_for_exception, nr);
	EXPECT_SYNC(&m.v, 1);
	/* The OUT must be over before the exception comes. */
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	e.exception.injected = 1;
	e.exception.nr = nr;
	e.exception.has_error_code = nr == 13;
	e.exception.error_code = 0x18;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_DONE(&m.v);
}

TEST(vcpu_events_inject_gp) { inject(13); }
TEST(vcpu_events_inject_ud) { inject(6); }

static void guest_counts_nmis(u64 arg)
{
	(void)arg;
	guest_handler[2] = on_injected;
	guest_sync(1);
	GUEST_EQ(seen_vector, 0);
	guest_sync(2);
	GUEST_EQ(seen_vector, 2);
	guest_done();
}

/* A masked NMI waits; unmasked, it comes. */
TEST(vcpu_events_nmi_masked)
{
	struct kvm_vcpu_events e;
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_counts_nmis, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	e.nmi.masked = 1;
	e.nmi.pending = 1;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &e));
	CHECK_EQ(e.nmi.masked, 1);
	CHECK_EQ(e.nmi.pending, 1);
	e.nmi.masked = 0;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VCPU_EVENTS, &e));
	EXPECT_DONE(&m.v);
}

static void guest_sums(u64 arg)
{
	u64 i, sum = 0;

	for (i = 1; i <= arg; i++) {
		sum += i;
		guest_report(1, i, sum);
	}
	guest_done();
}

/* A vCPU's whole state moved to another VM in mid-flight goes on there. */
TEST(state_moves_to_another_vm)
{
	struct kvm_vcpu_events e;
	struct kvm_xsave x;
	struct kvm_sregs s;
	struct kvm_regs r;
	struct machine a, b;
	struct ucall u;
	u64 i;

	start(&a);
	start(&b);
	vcpu_long(&a.v, guest_sums, 10);
	for (i = 0; i < 5; i++)
		EXPECT_SYNC(&a.v, 1);
	a.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&a.v), EINTR);
	get_regs(&a.v, &r);
	get_sregs(&a.v, &s);
	CHECK_OK(ioctl(a.v.fd, KVM_GET_XSAVE, &x));
	CHECK_OK(ioctl(a.v.fd, KVM_GET_VCPU_EVENTS, &e));
	memcpy(b.vm.mem, a.vm.mem, VM_MEMORY);
	set_sregs(&b.v, &s);
	set_regs(&b.v, &r);
	CHECK_OK(ioctl(b.v.fd, KVM_SET_XSAVE, &x));
	CHECK_OK(ioctl(b.v.fd, KVM_SET_VCPU_EVENTS, &e));
	for (i = 6; i <= 10; i++) {
		u = EXPECT_SYNC(&b.v, 1);
		CHECK_EQ(u.b, i);
		CHECK_EQ(u.c, i * (i + 1) / 2);
	}
	EXPECT_DONE(&b.v);
}

TEST(set_regs_between_exits)
{
	struct kvm_regs r;
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_sums, 3);
	EXPECT_SYNC(&m.v, 1);
	vcpu_long(&m.v, guest_reads_xmm, 0);
	m.v.run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	vcpu_long(&m.v, guest_sums, 3);
	EXPECT_SYNC(&m.v, 1);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rsi, 1);
}

BLOB16(in_then_hlt, "movw $0x5000, %dx\n inb %dx, %al\n incw %ax\n hlt\n");

/* Userspace goes on with another state instead of answering: what lies where the answer was to be is not for its RAX. */
TEST(set_regs_instead_of_input)
{
	struct kvm_regs r;
	struct machine m;

	start(&m);
	LOAD(&m.vm, in_then_hlt);
	vcpu_real(&m.v, GPA_CODE);
	*(u8 *)EXPECT_IO(&m.v, KVM_EXIT_IO_IN, 0x5000, 1) = 0x12;
	get_regs(&m.v, &r);
	r.rax = 0x3456;
	r.rip = GPA_CODE + (in_then_hlt_end - in_then_hlt) - 1;
	set_regs(&m.v, &r);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	get_regs(&m.v, &r);
	CHECK_EQ(r.rax, 0x3456);
}
