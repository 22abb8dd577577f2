// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host suspends and resumes while a guest runs. tests/power has the module that does it; without it these tests are
 * skipped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define MSR_SYSTEM_TIME 0x4b564d01
#define ASLEEP_MS 200
#define MS 1000000ull
#define CPU1 "/sys/devices/system/cpu/cpu1/online"
#define POWER "/sys/module/warren_power/parameters/"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static struct pvclock {
	volatile u32 version, pad;
	volatile u64 tsc, ns;
	volatile u32 mul;
	volatile signed char shift;
	volatile u8 flags, pad2[2];
} __attribute__((aligned(64))) page;

static struct {
	volatile u64 stop, turns, last_tsc, last_ns;
} shared;

static u64 read_clock(void)
{
	u64 delta, ns;
	u32 version;

	do {
		version = page.version & ~1u;
		asm volatile("" : : : "memory");
		delta = rdtsc() - page.tsc;
		delta = page.shift < 0 ? delta >> -page.shift : delta << page.shift;
		ns = page.ns + (u64)((__uint128_t)delta * page.mul >> 32);
		asm volatile("" : : : "memory");
	} while (version != page.version);
	return ns;
}

/* Neither clock goes back, whatever happens to the host. */
static void guest_watches_clocks(u64 arg)
{
	u64 ns, tsc, last_ns = 0, last_tsc = 0;

	(void)arg;
	wrmsr(MSR_SYSTEM_TIME, (u64)&page | 1);
	cpuid(0, 0);
	while (!shared.stop) {
		tsc = rdtsc();
		ns = read_clock();
		GUEST_CHECK(tsc >= last_tsc);
		GUEST_CHECK(ns >= last_ns);
		last_tsc = tsc;
		last_ns = ns;
		shared.turns++;
	}
	/* For the host to compare: no exit lies between this and its own look. */
	guest_report(1, read_clock(), 0);
	guest_done();
}

static long suspends_seen(void)
{
	char text[16] = "";
	int fd = open(POWER "suspended", O_RDONLY);

	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

/* Then it is off already, or KVM's affair. */
static bool keeps_virtualization_on(void)
{
	return !is_kvm() && access("/sys/module/kvm_amd", F_OK) && access("/sys/module/kvm_intel", F_OK);
}

static void suspend(void)
{
	char ms[16];

	snprintf(ms, sizeof(ms), "%d", ASLEEP_MS);
	if (!write_file(POWER "suspend", ms))
		FAIL("the host cannot be suspended: %s", strerror(errno));
}

static u64 boot_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The VM's clock and the host's, of about one moment. */
struct moment {
	u64 before, clock, after;
};

static void look(struct machine *m, struct moment *t)
{
	struct kvm_clock_data d = { };

	t->before = boot_time();
	CHECK_OK(ioctl(m->vm.fd, KVM_GET_CLOCK, &d));
	t->after = boot_time();
	t->clock = d.clock;
}

/* As much time went by for the VM as for the host, the time asleep included. */
static void expect_same_pace(const struct moment *a, const struct moment *b)
{
	u64 vm = b->clock - a->clock;

	if (vm + 50 * MS < b->before - a->after || vm > b->after - a->before + 50 * MS)
		FAIL("expected %llu to %llu ms to pass for the VM, got %llu",
		     (unsigned long long)((b->before - a->after) / MS),
		     (unsigned long long)((b->after - a->before) / MS),
		     (unsigned long long)(vm / MS));
}

static void let_it_turn(struct machine *m)
{
	u64 turns = GUEST_VAR(&m->vm, shared.turns);

	while (GUEST_VAR(&m->vm, shared.turns) < turns + 10)
		sleep_ms(5);
}

static void *runs(void *arg)
{
	struct ucall *u = arg;
	struct vcpu *v = (struct vcpu *)(uintptr_t)u->a;

	*u = EXPECT_SYNC(v, 1);
	return NULL;
}

static void start(struct machine *m)
{
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	CHECK_OK(ioctl(m->v.fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	vcpu_long(&m->v, guest_watches_clocks, 0);
}

static void guest_lives_on(void *unused)
{
	struct ucall u = { };
	struct moment a, b;
	struct machine m;
	long seen = suspends_seen();
	pthread_t t;
	int i;

	(void)unused;
	start(&m);
	u.a = (uintptr_t)&m.v;
	CHECK_EQ(pthread_create(&t, NULL, runs, &u), 0);
	let_it_turn(&m);
	look(&m, &a);
	for (i = 0; i < 3; i++) {
		suspend();
		let_it_turn(&m);
	}
	look(&m, &b);
	expect_same_pace(&a, &b);
	if (keeps_virtualization_on())
		CHECK_EQ(suspends_seen(), seen + 3);
	GUEST_VAR(&m.vm, shared.stop) = 1;
	pthread_join(t, NULL);
	look(&m, &a);
	CHECK(u.b + 50 * MS >= b.clock && u.b <= a.clock + 50 * MS);
	EXPECT_DONE(&m.v);
}

/* Time goes by for a VM none of whose vCPUs ran since before the suspend. */
static void idle_vm_ages(void *unused)
{
	struct moment a, b;
	struct machine m;

	(void)unused;
	start(&m);
	look(&m, &a);
	suspend();
	look(&m, &b);
	expect_same_pace(&a, &b);
}

/* A VM that comes after a suspend without any. */
static void no_vm(void *unused)
{
	struct machine m;
	long seen = suspends_seen();

	(void)unused;
	suspend();
	if (keeps_virtualization_on())
		CHECK_EQ(suspends_seen(), seen);
	start(&m);
	GUEST_VAR(&m.vm, shared.stop) = 1;
	EXPECT_SYNC(&m.v, 1);
	EXPECT_DONE(&m.v);
}

/* The other CPU is offline meanwhile, as in a suspend, and comes back whatever fn does. */
static void on_last_cpu(void (*fn)(void *))
{
	bool ok;

	if (access(POWER "suspend", W_OK))
		SKIP("warren-power.ko is not loaded");
	if (sysconf(_SC_NPROCESSORS_ONLN) != 2 || !write_file(CPU1, "0"))
		SKIP("this takes a host of two CPUs");
	ok = in_child(fn, NULL);
	CHECK(write_file(CPU1, "1"));
	CHECK(ok);
}

TEST(suspend_with_a_guest) { on_last_cpu(guest_lives_on); }
TEST(suspend_with_an_idle_vm) { on_last_cpu(idle_vm_ages); }
TEST(suspend_without_vm) { on_last_cpu(no_vm); }
