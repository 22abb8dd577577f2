// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protection keys: guest and host have a PKRU each and never see the other's, and what the kernel does in the guest's place
 * obeys the guest's. Takes a host CPU with PKU (tests/host/run --cpu +pku).
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define CR0_WP (1ul << 16)
#define CR4_PKE (1ul << 22)
#define PKRU_COMPONENT 9
#define GUEST_KEY 5
#define AD(key) (1u << (2 * (key)))
#define WD(key) (2u << (2 * (key)))
#define GPA_T 0x10000000ul
#define PF_VECTOR 14
#define PF_PK (1u << 5)
/* What the host has while guests run: some of each right of the keys that it does not use. */
#define HOST_PKRU (AD(3) | WD(7) | AD(12) | WD(12))

struct machine {
	struct vm vm;
	struct vcpu v;
};

static inline u32 rdpkru(void)
{
	u32 v, zero;

	asm volatile("rdpkru" : "=a"(v), "=d"(zero) : "c"(0));
	return v;
}

static inline void wrpkru(u32 v)
{
	asm volatile("wrpkru" : : "a"(v), "c"(0), "d"(0) : "memory");
}

static bool host_has_pku(void)
{
	/* PKU, and OSPKE: the kernel uses it. */
	return (cpuid(7, 0).c >> 3 & 3) == 3;
}

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	struct kvm_sregs s;

	if (!host_has_pku())
		SKIP("the host has no protection keys");
	if (host_has_shadow())
		SKIP("guests have none with shadow paging");
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
	get_sregs(&m->v, &s);
	s.cr4 |= CR4_PKE;
	/* Guest code is the supervisor: only so it minds that a key forbids writes. */
	s.cr0 |= CR0_WP;
	set_sregs(&m->v, &s);
}

static void guest_sees_cpuid(u64 arg)
{
	u64 cr4;

	(void)arg;
	GUEST_EQ(cpuid(7, 0).c >> 3 & 3, 3);
	asm volatile("movq %%cr4, %0" : "=r"(cr4));
	asm volatile("movq %0, %%cr4" : : "r"(cr4 & ~CR4_PKE));
	GUEST_EQ(cpuid(7, 0).c >> 3 & 3, 1);
	GUEST_EQ(GUEST_TRY("rdpkru", : : "c"(0) : "rax", "rdx"), 6);
	asm volatile("movq %0, %%cr4" : : "r"(cr4));
	GUEST_EQ(rdpkru(), 0);
	guest_done();
}

TEST(cpuid_and_cr4)
{
	struct machine m;

	start(&m, guest_sees_cpuid, 0);
	EXPECT_DONE(&m.v);
}

static void guest_keeps_pkru(u64 arg)
{
	u64 i;

	GUEST_EQ(rdpkru(), 0);
	for (i = 0; i < arg; i++) {
		u32 mine = (u32)(i + 1) * 0x01234568 & ~3u;

		wrpkru(mine);
		if (i & 1)
			cpuid(0, 0);
		else
			guest_sync(1);
		GUEST_EQ(rdpkru(), mine);
	}
	guest_done();
}

/* The host's PKRU stays over exits to userspace and inside the kernel; the guest never has it, nor the reverse. */
TEST(each_keeps_its_own)
{
	u64 i, n = test_scale(200);
	struct machine m;

	start(&m, guest_keeps_pkru, n);
	for (i = 0; i < n; i += 2) {
		wrpkru(HOST_PKRU ^ (u32)(i << 8));
		EXPECT_SYNC(&m.v, 1);
		CHECK_EQ(rdpkru(), HOST_PKRU ^ (u32)(i << 8));
	}
	EXPECT_DONE(&m.v);
	CHECK_EQ(rdpkru(), HOST_PKRU ^ (u32)((i - 2) << 8));
}

static volatile u64 stop;

static void guest_spins_with_pkru(u64 arg)
{
	(void)arg;
	wrpkru(0xfffffffc);
	while (!stop)
		GUEST_EQ(rdpkru(), 0xfffffffc);
	guest_done();
}

static volatile u32 in_handler, signals;

static void on_signal(int sig)
{
	(void)sig;
	in_handler = rdpkru();
	signals++;
}

struct kicked {
	struct machine *m;
	pthread_t runner;
};

static void *kicks(void *arg)
{
	struct kicked *k = arg;
	u64 n = test_scale(100);

	while (signals < n) {
		pthread_kill(k->runner, SIGUSR1);
		usleep(500);
	}
	GUEST_VAR(&k->m->vm, stop) = 1;
	return NULL;
}

/* Signals interrupt the guest, who forbids itself everything: the handler runs with the kernel's default, then all go on. */
TEST(signals_between)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct machine m;
	struct kicked k = { &m, pthread_self() };
	pthread_t t;

	start(&m, guest_spins_with_pkru, 0);
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	wrpkru(HOST_PKRU);
	in_handler = 0xfffffffc;
	CHECK_EQ(pthread_create(&t, NULL, kicks, &k), 0);
	EXPECT_DONE(&m.v);
	pthread_join(t, NULL);
	CHECK_EQ(rdpkru(), HOST_PKRU);
	CHECK(in_handler != 0xfffffffc);
}

/* Another vCPU with another PKRU runs on the same CPU. */
TEST(two_vcpus)
{
	struct machine m;
	struct kvm_sregs s;
	struct vcpu w[2];
	u32 i;

	start(&m, guest_sees_cpuid, 0);
	for (i = 0; i < 2; i++) {
		vcpu_init(&w[i], &m.vm, i + 1);
		vcpu_cpuid(&w[i]);
		vcpu_long(&w[i], guest_keeps_pkru, test_scale(400));
		get_sregs(&w[i], &s);
		s.cr4 |= CR4_PKE;
		set_sregs(&w[i], &s);
		vcpu_start(&w[i]);
	}
	for (i = 0; i < 2; i++)
		vcpu_join(&w[i]);
}

static u32 *pkru_in(struct kvm_xsave *x)
{
	return (u32 *)((u8 *)x->region + cpuid(0xd, PKRU_COMPONENT).b);
}

static void guest_reports_pkru(u64 arg)
{
	u32 v;

	(void)arg;
	wrpkru(0x55555550);
	for (;;) {
		v = rdpkru();
		guest_report(1, v, 0);
	}
}

/* KVM_GET_XSAVE and KVM_SET_XSAVE carry PKRU. */
TEST(xsave_carries_pkru)
{
	struct kvm_xsave *x = aligned_alloc(64, sizeof(*x));
	u64 *header = (u64 *)((u8 *)x->region + 512);
	struct machine m;

	start(&m, guest_reports_pkru, 0);
	CHECK_EQ(EXPECT_SYNC(&m.v, 1).b, 0x55555550);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_XSAVE, x));
	CHECK(header[0] >> PKRU_COMPONENT & 1);
	CHECK_EQ(*pkru_in(x), 0x55555550);
	*pkru_in(x) = 0xaaaaaaa0;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, x));
	CHECK_EQ(EXPECT_SYNC(&m.v, 1).b, 0xaaaaaaa0);
	/* Not in the image is as after a reset. */
	header[0] &= ~(1ull << PKRU_COMPONENT);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_XSAVE, x));
	CHECK_EQ(EXPECT_SYNC(&m.v, 1).b, 0);
}

/* The 2 MiB page at addr, of the library's identity map, gets a key. */
static void set_key(u64 addr, u64 key)
{
	volatile u64 *pde = (u64 *)(GPA_PML4 + 2 * PAGE) + (addr >> 21);

	*pde = (*pde & ~(15ull << 59)) | key << 59 | 4;
	asm volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* The PDPT and PML4 above it must let users in, or keys mean nothing. */
static void open_tables(void)
{
	*(volatile u64 *)GPA_PML4 |= 4;
	*(volatile u64 *)(GPA_PML4 + PAGE) |= 4;
	*(volatile u64 *)(GPA_PML4 + PAGE + 24) |= 4;
}

#define LOAD_FROM(addr) GUEST_TRY("movl (%[p]), %%eax", : : [p] "r"(addr) : "rax", "memory")
#define STORE_TO(addr) GUEST_TRY("movl %%eax, (%[p])", : : [p] "r"(addr), "a"(0x77) : "memory")
/* String output reads its bytes by the kernel's own walk of the guest's tables, in the kernel or for userspace. */
#define OUTPUT_FROM(addr)						\
	({ u64 from_ = (addr);						\
	   GUEST_TRY("outsb", : "+S"(from_) : "d"(TEST_PORT) : "memory"); })
#define INPUT_TO(addr)							\
	({ u64 to_ = (addr);						\
	   GUEST_TRY("insb", : "+D"(to_) : "d"(TEST_PORT) : "memory"); })

static void expect_all(u64 addr, u64 loads, u64 stores)
{
	GUEST_EQ(LOAD_FROM(addr), loads);
	GUEST_EQ(OUTPUT_FROM(addr), loads);
	if (loads == PF_VECTOR)
		GUEST_EQ(guest_fault.error, PF_PK | 1);
	GUEST_EQ(STORE_TO(addr), stores);
	GUEST_EQ(INPUT_TO(addr), stores);
	if (stores == PF_VECTOR)
		GUEST_EQ(guest_fault.error, PF_PK | 3);
}

static void guest_uses_keys(u64 arg)
{
	(void)arg;
	open_tables();
	set_key(GPA_T, GUEST_KEY);
	wrpkru(0);
	expect_all(GPA_T, 256, 256);
	wrpkru(WD(GUEST_KEY));
	expect_all(GPA_T, 256, PF_VECTOR);
	wrpkru(AD(GUEST_KEY));
	expect_all(GPA_T, PF_VECTOR, PF_VECTOR);
	/* The other keys' bits are not this page's affair. */
	wrpkru(~(AD(GUEST_KEY) | WD(GUEST_KEY)) & ~3u);
	expect_all(GPA_T, 256, 256);
	guest_done();
}

/* Serve the port to the guest's end. */
static void serve(struct machine *m)
{
	struct kvm_run *run = m->v.run;
	struct kvm_regs r;

	while (vcpu_run(&m->v) == KVM_EXIT_IO && run->io.port == TEST_PORT)
		if (run->io.direction == KVM_EXIT_IO_IN)
			((u8 *)run)[run->io.data_offset] = 0x5a;
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != UCALL_PORT)
		FAIL("expected a call of the guest, got %s", vcpu_describe(&m->v));
	get_regs(&m->v, &r);
	if ((u32)r.rax != UCALL_DONE)
		FAIL("guest's call %u: line %llu, got %#llx, expected %#llx", (u32)r.rax,
		     (unsigned long long)r.rdi, (unsigned long long)r.rsi, (unsigned long long)r.rcx);
}

/* Hardware and emulation agree on what PKRU forbids, whatever the host's own says. */
static void keys_with_host(u32 host)
{
	struct machine m;
	u32 *p;

	start(&m, guest_uses_keys, 0);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M);
	wrpkru(host);
	serve(&m);
	CHECK_EQ(rdpkru(), host);
	CHECK_EQ(p[0], 0x5a);
}

TEST(guest_keys_forbid) { keys_with_host(0); }
TEST(guest_keys_forbid_whatever_the_host) { keys_with_host(~3u); }

/* Guest memory is the VMM's: what its own keys forbid it the guest cannot have either, until it may again. */
TEST(host_key_on_guest_memory)
{
	struct machine m;
	int key;
	u8 *p;

	start(&m, guest_uses_keys, 0);
	key = syscall(SYS_pkey_alloc, 0, PKEY_DISABLE_ACCESS);
	if (key < 0)
		SKIP("no key to be had");
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, GPA_T, PAGE_2M);
	CHECK_OK(syscall(SYS_pkey_mprotect, p, PAGE_2M, PROT_READ | PROT_WRITE, key));
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	wrpkru(rdpkru() & ~(AD(key) | WD(key)));
	serve(&m);
	CHECK_EQ(*p, 0x5a);
}
