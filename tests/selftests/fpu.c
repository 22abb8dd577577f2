// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, SSE, AVX, MXCSR and debug registers belong to whom they belong: nothing of the host is
 * seen in the guest or the reverse, and both find their own again, whoever else runs.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "vectors.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void pattern(struct regs512 *p, u64 seed, u32 width)
{
	u32 i, j;

	for (i = 0; i < 16; i++)
		for (j = 0; j < 32; j++)
			p->r[i][j] = j < width ? seed * 131 + i * 32 + j : 0;
}

static struct regs512 guest_in[4], guest_out[4];

/* Registers, MXCSR and x87 stay over n exits of all kinds. */
static void guest_keeps(u64 arg)
{
	u64 id = arg & 3, n = arg >> 2, i, j;
	u32 mxcsr = 0x1f80 | (u32)id << 13, seen;
	u16 cw = 0x037f & ~(id << 8), cw_seen;

	pattern(&guest_in[id], id + 1, 16);
	asm volatile("ldmxcsr %0; fninit; fldcw %1; fldpi" : : "m"(mxcsr), "m"(cw));
	for (i = 0; i < n; i++) {
		load_xmm(&guest_in[id]);
		if (i & 1)
			cpuid(0, 0);
		else
			ucall(UCALL_SYNC, 1, i, 0);
		store_xmm(&guest_out[id]);
		for (j = 0; j < sizeof(struct regs512) / 8; j++)
			GUEST_EQ(((u64 *)&guest_out[id])[j], ((u64 *)&guest_in[id])[j]);
	}
	asm volatile("stmxcsr %0; fnstcw %1" : "=m"(seen), "=m"(cw_seen));
	GUEST_EQ(seen & 0xffc0, mxcsr);
	GUEST_EQ(cw_seen, cw);
	asm volatile("fldpi; fcompp; fnstsw %%ax" : "=a"(cw_seen));
	/* C3 set, C2 and C0 clear: pi is still what it was. */
	GUEST_EQ(cw_seen & 0x4500, 0x4000);
	guest_done();
}

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

TEST(guest_keeps_its_registers)
{
	u64 i, n = test_scale(200);
	struct machine m;

	start(&m, guest_keeps, n << 2 | 1);
	for (i = 0; i < n; i += 2)
		EXPECT_SYNC(&m.v, 1);
	EXPECT_DONE(&m.v);
}

/* The system call by hand, with all registers known around it. */
static long run_between(int fd, const struct regs512 *in, struct regs512 *out, bool avx)
{
	long ret = SYS_ioctl;

	if (avx)
		load_ymm(in);
	else
		load_xmm(in);
	asm volatile("syscall" : "+a"(ret) : "D"(fd), "S"(KVM_RUN), "d"(0)
		     : "rcx", "r11", "memory");
	if (avx)
		store_ymm(out);
	else
		store_xmm(out);
	return ret;
}

static bool host_has_avx(void)
{
	return cpuid(1, 0).c >> 28 & cpuid(1, 0).c >> 27 & 1;
}

static void guest_spoils(u64 arg)
{
	u64 i;

	pattern(&guest_in[0], 0xee, 16);
	for (i = 0; i < arg; i++) {
		load_xmm(&guest_in[0]);
		asm volatile("fninit; fldpi; ldmxcsr %0" : : "m"((u32){ 0x7f80 }));
		guest_sync(1);
	}
	guest_done();
}

static void host_keeps(bool avx)
{
	static struct regs512 in, out;
	u32 mxcsr = 0x3f80, seen;
	u16 cw = 0x0c7f, cw_seen;
	u64 i, n = test_scale(200);
	struct machine m;

	start(&m, guest_spoils, n);
	asm volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(cw));
	for (i = 0; i < n; i++) {
		pattern(&in, i + 7, avx ? 32 : 16);
		CHECK_EQ(run_between(m.v.fd, &in, &out, avx), 0);
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
		CHECK(!memcmp(&in, &out, sizeof(in)));
	}
	asm volatile("stmxcsr %0; fnstcw %1" : "=m"(seen), "=m"(cw_seen));
	CHECK_EQ(seen & 0xffc0, mxcsr);
	CHECK_EQ(cw_seen, cw);
}

TEST(host_keeps_sse) { host_keeps(false); }

TEST(host_keeps_avx)
{
	if (!host_has_avx())
		SKIP("the host has no AVX");
	host_keeps(true);
}

static void guest_looks(u64 arg)
{
	u64 i;

	(void)arg;
	store_xmm(&guest_out[0]);
	for (i = 0; i < sizeof(struct regs512) / 8; i++)
		GUEST_EQ(((u64 *)&guest_out[0])[i], 0);
	guest_done();
}

/* A fresh guest finds zeroes, not what its VMM had. */
TEST(no_leak_into_the_guest)
{
	static struct regs512 in, out;
	struct machine m;

	start(&m, guest_looks, 0);
	memset(vm_var(&m.vm, &guest_out[0]), 0, sizeof(struct regs512));
	pattern(&in, 0x5ec, 16);
	CHECK_EQ(run_between(m.v.fd, &in, &out, false), 0);
	EXPECT_DONE(&m.v);
}

static volatile bool stop;

static void *host_user(void *arg)
{
	struct regs512 in, out;
	u64 seed = (uintptr_t)arg;

	while (!stop) {
		pattern(&in, seed++, 16);
		asm volatile(EACH16(LOAD_XMM) "movl %[n], %%ecx\n\t1: decl %%ecx\n\tjnz 1b\n\t"
			     : : [p] "r"(&in), [n] "i"(20000) : XMM_CLOBBERS, "rcx");
		store_xmm(&out);
		CHECK(!memcmp(in.r[0], out.r[0], 16) && !memcmp(in.r[15], out.r[15], 16));
	}
	return NULL;
}

TEST(in_parallel)
{
	u64 n = test_scale(400);
	pthread_t host[2];
	struct machine m;
	struct vcpu w[3];
	u32 i;

	vm_init(&m.vm);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&host[i], NULL, host_user, (void *)(i * 1000ul)), 0);
	for (i = 0; i < 3; i++) {
		vcpu_init(&w[i], &m.vm, i);
		vcpu_long(&w[i], guest_keeps, n << 2 | i);
		vcpu_start(&w[i]);
	}
	for (i = 0; i < 3; i++)
		vcpu_join(&w[i]);
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(host[i], NULL);
}

static void guest_keeps_avx(u64 arg)
{
	u64 i, j;

	pattern(&guest_in[0], 3, 32);
	for (i = 0; i < arg; i++) {
		load_ymm(&guest_in[0]);
		guest_sync(1);
		store_ymm(&guest_out[0]);
		for (j = 0; j < sizeof(struct regs512) / 8; j++)
			GUEST_EQ(((u64 *)&guest_out[0])[j], ((u64 *)&guest_in[0])[j]);
	}
	guest_done();
}

/* XCR0 and CR4 by the VMM: the emulator does not exit on XSETBV. */
static void enable_avx(struct machine *m)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = 7 };
	struct kvm_sregs s;

	if (!host_has_avx())
		SKIP("the host has no AVX");
	get_sregs(&m->v, &s);
	s.cr4 |= 1 << 18;
	set_sregs(&m->v, &s);
	CHECK_OK(ioctl(m->v.fd, KVM_SET_XCRS, &x));
}

TEST(guest_keeps_avx)
{
	static struct regs512 in, out;
	u64 i, n = test_scale(100);
	struct machine m;

	start(&m, guest_keeps_avx, n);
	enable_avx(&m);
	for (i = 0; i < n; i++) {
		pattern(&in, i, 32);
		CHECK_EQ(run_between(m.v.fd, &in, &out, true), 0);
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
		CHECK(!memcmp(&in, &out, sizeof(in)));
	}
	EXPECT_DONE(&m.v);
}

/* The host's AVX upper halves survive a guest that may not use AVX at all (XCR0 = 1). */
TEST(guest_without_avx)
{
	static struct regs512 in, out;
	struct machine m;

	if (!host_has_avx())
		SKIP("the host has no AVX");
	start(&m, guest_looks, 0);
	memset(vm_var(&m.vm, &guest_out[0]), 0, sizeof(struct regs512));
	pattern(&in, 99, 32);
	CHECK_EQ(run_between(m.v.fd, &in, &out, true), 0);
	CHECK(!memcmp(&in, &out, sizeof(in)));
}

/* The compacted formats. XCOMP_BV tells what is in the area, its top bit that it is compacted. */
static struct {
	u8 legacy[512];
	volatile u64 xstate_bv, xcomp_bv;
	u8 rest[3072];
} __attribute__((aligned(64))) area;

#define MSR_XSS 0xda0
#define XSAVES_TEXT(insn) insn " (%[a])"
#define XSAVES_ARGS : : [a] "D"(&area), "a"(7), "d"(0) : "memory"

static bool same_as_in(void)
{
	u32 i;

	store_ymm(&guest_out[0]);
	for (i = 0; i < sizeof(struct regs512) / 8; i++)
		if (((u64 *)&guest_out[0])[i] != ((u64 *)&guest_in[0])[i])
			return false;
	return true;
}

static void guest_compacts(u64 arg)
{
	u64 xss;

	GUEST_EQ(cpuid(0xd, 1).a & 0xa, 0xa);
	GUEST_EQ(cpuid(0xd, 1).c | cpuid(0xd, 1).d, 0);
	/* Legacy area, header, upper halves */
	GUEST_EQ(cpuid(0xd, 1).b, 512 + 64 + 256);
	GUEST_EQ(rdmsr_safe(MSR_XSS, &xss), 256);
	GUEST_EQ(xss, 0);
	GUEST_EQ(wrmsr_safe(MSR_XSS, 0), 256);
	GUEST_EQ(wrmsr_safe(MSR_XSS, 1 << 8), 13);
	GUEST_EQ(wrmsr_safe(MSR_XSS, 1 << 11), 13);

	pattern(&guest_in[0], 5, 32);
	load_ymm(&guest_in[0]);
	asm volatile(XSAVES_TEXT("xsavec") XSAVES_ARGS);
	GUEST_EQ(area.xcomp_bv, 1ull << 63 | 7);
	GUEST_EQ(area.xstate_bv & 6, 6);
	asm volatile("vzeroall" : : : XMM_CLOBBERS);
	cpuid(0, 0);
	asm volatile(XSAVES_TEXT("xrstor") XSAVES_ARGS);
	GUEST_CHECK(same_as_in());

	pattern(&guest_in[0], arg, 32);
	load_ymm(&guest_in[0]);
	GUEST_EQ(GUEST_TRY(XSAVES_TEXT("xsaves"), XSAVES_ARGS), 256);
	GUEST_EQ(area.xcomp_bv, 1ull << 63 | 7);
	asm volatile("vzeroall" : : : XMM_CLOBBERS);
	guest_sync(1);
	GUEST_EQ(GUEST_TRY(XSAVES_TEXT("xrstors"), XSAVES_ARGS), 256);
	GUEST_CHECK(same_as_in());
	/* What is not in XCR0 | XSS cannot be restored. */
	area.xcomp_bv |= 1 << 11;
	GUEST_EQ(GUEST_TRY(XSAVES_TEXT("xrstors"), XSAVES_ARGS), 13);
	guest_done();
}

/* Bits of EAX of leaf 0xd, index 1, that the guest keeps */
static u32 set_leaf_d1(struct vcpu *v, u32 keep)
{
	struct {
		struct kvm_cpuid2 h;
		struct kvm_cpuid_entry2 e[256];
	} *c = host_alloc(sizeof(*c), PAGE);
	u32 i, bits = 0;

	c->h.nent = 256;
	CHECK_OK(ioctl(v->fd, KVM_GET_CPUID2, c));
	for (i = 0; i < c->h.nent; i++) {
		if (c->e[i].function != 0xd || c->e[i].index != 1)
			continue;
		bits = c->e[i].eax;
		c->e[i].eax &= keep;
	}
	CHECK_OK(ioctl(v->fd, KVM_SET_CPUID2, c));
	return bits;
}

#define D1_XSAVES 8

TEST(guest_compacts)
{
	static struct regs512 in, out;
	struct machine m;

	start(&m, guest_compacts, 77);
	enable_avx(&m);
	if (!(set_leaf_d1(&m.v, ~0u) & D1_XSAVES))
		SKIP("guests have no XSAVES here");
	pattern(&in, 9, 32);
	CHECK_EQ(run_between(m.v.fd, &in, &out, true), 0);
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
	CHECK(!memcmp(&in, &out, sizeof(in)));
	EXPECT_DONE(&m.v);
}

/* Without it in CPUID there is neither the instruction nor the MSR. */
static void guest_has_no_xsaves(u64 arg)
{
	u64 xss;

	(void)arg;
	GUEST_EQ(cpuid(0xd, 1).a & D1_XSAVES, 0);
	GUEST_EQ(GUEST_TRY(XSAVES_TEXT("xsaves"), XSAVES_ARGS), 6);
	GUEST_EQ(GUEST_TRY(XSAVES_TEXT("xrstors"), XSAVES_ARGS), 6);
	GUEST_EQ(rdmsr_safe(MSR_XSS, &xss), 13);
	GUEST_EQ(wrmsr_safe(MSR_XSS, 0), 13);
	guest_done();
}

TEST(guest_without_xsaves)
{
	struct machine m;

	start(&m, guest_has_no_xsaves, 0);
	enable_avx(&m);
	if (!(set_leaf_d1(&m.v, ~D1_XSAVES) & D1_XSAVES))
		SKIP("guests have no XSAVES here");
	EXPECT_DONE(&m.v);
}

static void guest_debug_registers(u64 arg)
{
	u64 i, v;

	for (i = 0; i < arg; i++) {
		asm volatile("movq %0, %%dr0; movq %1, %%dr3" : : "r"(0x1000 + i), "r"(~i >> 20));
		guest_sync(1);
		asm volatile("movq %%dr0, %0" : "=r"(v));
		GUEST_EQ(v, 0x1000 + i);
		asm volatile("movq %%dr3, %0" : "=r"(v));
		GUEST_EQ(v, ~i >> 20);
	}
	guest_done();
}

TEST(guest_keeps_debug_registers)
{
	u64 i, n = test_scale(50);
	struct kvm_debugregs d;
	struct machine m;

	start(&m, guest_debug_registers, n);
	for (i = 0; i < n; i++) {
		EXPECT_SYNC(&m.v, 1);
		CHECK_OK(ioctl(m.v.fd, KVM_GET_DEBUGREGS, &d));
		CHECK_EQ(d.db[0], 0x1000 + i);
	}
	EXPECT_DONE(&m.v);
}

static volatile u64 watched;

/* A breakpoint of the host counts the host's writes, before, between and after guests. */
TEST(host_keeps_debug_registers)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(a), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched, .bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1, .exclude_hv = 1,
	};
	u64 i, n = test_scale(50), hits = 0;
	struct machine m;
	int fd;

	fd = syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
	if (fd < 0)
		SKIP("no hardware breakpoints: %s", strerror(errno));
	start(&m, guest_debug_registers, n);
	for (i = 0; i < n; i++) {
		watched = i;
		EXPECT_SYNC(&m.v, 1);
	}
	EXPECT_DONE(&m.v);
	CHECK_EQ(read(fd, &hits, 8), 8);
	CHECK_EQ(hits, n);
}
