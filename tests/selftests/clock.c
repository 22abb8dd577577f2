// SPDX-License-Identifier: GPL-2.0-only
/* Time: KVM_GET/SET_CLOCK, the kvm-clock pages, the TSC's rate. */
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define MSR_TSC 0x10
#define MSR_TSC_ADJUST 0x3b
#define MSR_WALL_CLOCK 0x4b564d00
#define MSR_SYSTEM_TIME 0x4b564d01
#define SECOND 1000000000ull

struct machine {
	struct vm vm;
	struct vcpu v[4];
};

static void start(struct machine *m, u32 cpus)
{
	u32 i;

	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	for (i = 0; i < cpus; i++) {
		vcpu_init(&m->v[i], &m->vm, i);
		vcpu_cpuid(&m->v[i]);
		CHECK_OK(ioctl(m->v[i].fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ 0 }));
	}
}

static u64 get_clock(struct vm *vm)
{
	struct kvm_clock_data d = { };

	CHECK_OK(ioctl(vm->fd, KVM_GET_CLOCK, &d));
	return d.clock;
}

TEST(clock_runs)
{
	struct vm vm;
	u64 a, b;

	vm_init(&vm);
	a = get_clock(&vm);
	CHECK(a < 60 * SECOND);
	sleep_ms(50);
	b = get_clock(&vm);
	CHECK(b - a >= 45000000 && b - a < 20 * SECOND);
}

TEST(clock_set)
{
	struct kvm_clock_data d = { .clock = 1000 * SECOND };
	struct vm vm;
	u64 now;

	vm_init(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_SET_CLOCK, &d));
	now = get_clock(&vm);
	CHECK(now >= 999 * SECOND && now < 1020 * SECOND);
}

TEST(clock_refusals)
{
	struct kvm_clock_data d = { .flags = 1u << 31 };
	struct vm vm;

	vm_init(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_CLOCK, &d), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_CLOCK, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_CLOCK, NULL), EFAULT);
}

/* The pages that the guest registers, as Linux reads them. */
static struct pvclock {
	volatile u32 version, pad;
	volatile u64 tsc, ns;
	volatile u32 mul;
	volatile signed char shift;
	volatile u8 flags, pad2[2];
} __attribute__((aligned(64))) page[4];

static struct {
	volatile u32 version, sec, nsec;
} wall __attribute__((aligned(64)));

static u64 read_clock(struct pvclock *p)
{
	u64 delta, ns;
	u32 version;

	do {
		version = p->version & ~1u;
		asm volatile("" : : : "memory");
		delta = rdtsc() - p->tsc;
		delta = p->shift < 0 ? delta >> -p->shift : delta << p->shift;
		ns = p->ns + (u64)((__uint128_t)delta * p->mul >> 32);
		asm volatile("" : : : "memory");
	} while (version != p->version);
	return ns;
}

static void guest_monotonic(u64 arg)
{
	u64 a, b, i;

	wrmsr(MSR_SYSTEM_TIME, (u64)&page[0] | 1);
	cpuid(0, 0);
	GUEST_CHECK(page[0].version && !(page[0].version & 1));
	GUEST_CHECK(page[0].mul);
	a = read_clock(&page[0]);
	for (i = 0; i < arg; i++) {
		if (i % 16 == 0)
			cpuid(0, 0);
		b = read_clock(&page[0]);
		GUEST_CHECK(b >= a);
		a = b;
	}
	guest_report(1, a, 0);
	guest_report(2, read_clock(&page[0]), 0);
	guest_done();
}

TEST(kvmclock_monotonic)
{
	struct machine m;
	u64 before, after;
	struct ucall u;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_monotonic, test_scale(2000));
	before = get_clock(&m.vm);
	u = EXPECT_SYNC(&m.v[0], 1);
	after = get_clock(&m.vm);
	CHECK(u.b + 10000000 >= before);
	CHECK(u.b <= after + 10000000);
	sleep_ms(50);
	u = EXPECT_SYNC(&m.v[0], 2);
	CHECK(u.b >= after + 40000000);
	EXPECT_DONE(&m.v[0]);
}

/* SET_CLOCK reaches the page. */
TEST(kvmclock_follows_set_clock)
{
	struct kvm_clock_data d = { .clock = 5000 * SECOND };
	struct machine m;
	struct ucall u;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_monotonic, 10);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(ioctl(m.vm.fd, KVM_SET_CLOCK, &d));
	u = EXPECT_SYNC(&m.v[0], 2);
	CHECK(u.b >= 4999 * SECOND && u.b < 5060 * SECOND);
}

static volatile u64 latest;

static void guest_compares(u64 arg)
{
	u64 id = arg & 3, seen, t, i, n = arg >> 2;

	wrmsr(MSR_SYSTEM_TIME, (u64)&page[id] | 1);
	cpuid(0, 0);
	for (i = 0; i < n; i++) {
		seen = latest;
		t = read_clock(&page[id]);
		/* Stable across CPUs only where the flag says so. */
		if (page[id].flags & 1)
			GUEST_CHECK(t >= seen);
		latest = t;
	}
	guest_done();
}

TEST(kvmclock_across_cpus)
{
	u64 n = test_scale(2000), i;
	struct machine m;

	start(&m, 2);
	for (i = 0; i < 2; i++)
		vcpu_long(&m.v[i], guest_compares, n << 2 | i);
	for (i = 0; i < 2; i++)
		vcpu_start(&m.v[i]);
	for (i = 0; i < 2; i++)
		vcpu_join(&m.v[i]);
}

static void guest_wall(u64 arg)
{
	(void)arg;
	wrmsr(MSR_SYSTEM_TIME, (u64)&page[0] | 1);
	wrmsr(MSR_WALL_CLOCK, (u64)&wall);
	cpuid(0, 0);
	guest_report(1, wall.sec + read_clock(&page[0]) / SECOND, wall.version);
	guest_done();
}

TEST(wall_clock)
{
	struct machine m;
	struct ucall u;
	time_t now;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_wall, 0);
	u = EXPECT_SYNC(&m.v[0], 1);
	now = time(NULL);
	CHECK(u.c && !(u.c & 1));
	CHECK(u.b + 30 > (u64)now && u.b < (u64)now + 30);
}

static void guest_bad_pages(u64 arg)
{
	u64 i;

	/* Pages where there is no memory: nothing happens, nothing breaks. */
	wrmsr_safe(MSR_SYSTEM_TIME, arg | 1);
	wrmsr_safe(MSR_WALL_CLOCK, arg);
	for (i = 0; i < 20; i++)
		cpuid(0, 0);
	wrmsr_safe(MSR_SYSTEM_TIME, 0xfffffffffffff001);
	cpuid(0, 0);
	/* Across the end of memory. */
	wrmsr_safe(MSR_SYSTEM_TIME, (VM_MEMORY - 8) | 1);
	wrmsr_safe(MSR_WALL_CLOCK, VM_MEMORY - 4);
	cpuid(0, 0);
	wrmsr(MSR_SYSTEM_TIME, 0);
	guest_done();
}

TEST(clock_pages_nowhere)
{
	struct machine m;

	start(&m, 1);
	vcpu_long(&m.v[0], guest_bad_pages, TEST_MMIO);
	EXPECT_DONE(&m.v[0]);
}

/* The slot under the page goes away while it is registered. */
TEST(clock_page_unplugged)
{
	struct machine m;
	u64 gpa = 0x20000000;
	u8 *p;

	start(&m, 1);
	p = vm_add_mem(&m.vm, SLOT_TEST, 0, gpa, PAGE);
	CHECK_EQ(set_msr(&m.v[0], MSR_SYSTEM_TIME, gpa | 1), 1);
	vcpu_long(&m.v[0], guest_monotonic, 10);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, gpa, 0, p));
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_EQ(set_msr(&m.v[0], MSR_SYSTEM_TIME, gpa | 1), 1);
	EXPECT_SYNC(&m.v[0], 2);
}

TEST(kvmclock_ctrl)
{
	struct machine m;

	need_ext(KVM_CAP_KVMCLOCK_CTRL);
	start(&m, 1);
	CHECK_ERR(ioctl(m.v[0].fd, KVM_KVMCLOCK_CTRL, 0ul), EINVAL);
	vcpu_long(&m.v[0], guest_monotonic, 10);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_OK(ioctl(m.v[0].fd, KVM_KVMCLOCK_CTRL, 0ul));
	EXPECT_SYNC(&m.v[0], 2);
	CHECK_EQ(GUEST_VAR(&m.vm, page[0].flags) & 2, 2);
}

/* Of one moment: of many pairs the one that took the least, for the host may come between the two. */
static void report_both_clocks(u64 stage)
{
	u64 i, before, ns, took, tsc = 0, clock = 0, best = ~0ull;

	for (i = 0; i < 20; i++) {
		before = rdtsc();
		ns = read_clock(&page[0]);
		took = rdtsc() - before;
		if (took >= best)
			continue;
		best = took;
		tsc = before + took / 2;
		clock = ns;
	}
	guest_report(stage, tsc, clock);
}

static void guest_times_tsc(u64 arg)
{
	u64 stage;

	(void)arg;
	wrmsr(MSR_SYSTEM_TIME, (u64)&page[0] | 1);
	cpuid(0, 0);
	for (stage = 1; stage <= 2; stage++)
		report_both_clocks(stage);
	guest_done();
}

/* The TSC's ticks over the clock's nanoseconds make the rate that GET_TSC_KHZ tells. */
static void expect_rate(struct machine *m)
{
	struct ucall a, b;
	u64 khz, got;

	khz = CHECK_OK(ioctl(m->v[0].fd, KVM_GET_TSC_KHZ, 0ul));
	vcpu_long(&m->v[0], guest_times_tsc, 0);
	a = EXPECT_SYNC(&m->v[0], 1);
	sleep_ms(200);
	b = EXPECT_SYNC(&m->v[0], 2);
	EXPECT_DONE(&m->v[0]);
	got = (b.b - a.b) * 1000000 / (b.c - a.c);
	if (got < khz - khz / 50 || got > khz + khz / 50)
		FAIL("expected %llu kHz within 2%%, got %llu", (unsigned long long)khz,
		     (unsigned long long)got);
}

TEST(tsc_rate)
{
	struct machine m;

	start(&m, 1);
	expect_rate(&m);
}

/* By the host's clock, which knows nothing of the guest's TSC. */
static void expect_rate_outside(struct vcpu *v, u64 khz)
{
	u64 tsc = get_msr(v, MSR_TSC), start = now_ns(), got;

	sleep_ms(200);
	got = (get_msr(v, MSR_TSC) - tsc) * 1000000 / (now_ns() - start);
	/* Between the two readings of each pair anything may run. */
	if (got < khz - khz / 10 || got > khz + khz / 10)
		FAIL("expected %llu kHz within 10%%, got %llu", (unsigned long long)khz,
		     (unsigned long long)got);
}

TEST(tsc_scaled)
{
	static const u32 percent[] = { 50, 99, 150, 333, 100 };
	u64 host, khz, before;
	struct machine m;
	u32 i;

	need_ext(KVM_CAP_TSC_CONTROL);
	start(&m, 1);
	host = CHECK_OK(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul));
	for (i = 0; i < ARRAY_SIZE(percent); i++) {
		khz = host * percent[i] / 100;
		before = get_msr(&m.v[0], MSR_TSC);
		CHECK_OK(ioctl(m.v[0].fd, KVM_SET_TSC_KHZ, khz));
		CHECK_EQ(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul), khz);
		/* KVM's jumps. */
		if (!is_kvm())
			CHECK(get_msr(&m.v[0], MSR_TSC) - before < host * 10000);
		expect_rate(&m);
		expect_rate_outside(&m.v[0], khz);
	}
}

TEST(tsc_scaled_refusals)
{
	struct machine m;
	struct vm vm;
	u64 host;

	vm_init(&vm);
	start(&m, 1);
	host = CHECK_OK(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul));
	if (!check_ext(vm.fd, KVM_CAP_TSC_CONTROL))
		CHECK_ERR(ioctl(m.v[0].fd, KVM_SET_TSC_KHZ, host * 2), EINVAL);
	CHECK_ERR(ioctl(m.v[0].fd, KVM_SET_TSC_KHZ, 0xfffffffful), EINVAL);
	CHECK_EQ(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul), host);
}

/* What the guest writes it reads, and TSC_ADJUST tells by how much it moved. */
static void guest_writes_tsc(u64 arg)
{
	u64 adjust = rdmsr(MSR_TSC_ADJUST), t;

	wrmsr(MSR_TSC, arg);
	t = rdtsc();
	GUEST_CHECK(t >= arg && t - arg < 1ull << 36);
	GUEST_CHECK(rdmsr(MSR_TSC_ADJUST) != adjust);
	wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) + arg);
	t = rdtsc();
	GUEST_CHECK(t >= 2 * arg && t - 2 * arg < 1ull << 36);
	GUEST_CHECK(rdmsr(MSR_TSC) >= t);
	guest_done();
}

/* Two vCPUs of one frequency have one TSC, and so one clock; each can set its own. */
TEST(tsc_scaled_across_cpus)
{
	u64 n = test_scale(2000), i;
	struct machine m;
	long khz;

	need_ext(KVM_CAP_TSC_CONTROL);
	start(&m, 2);
	khz = CHECK_OK(ioctl(m.v[0].fd, KVM_GET_TSC_KHZ, 0ul));
	for (i = 0; i < 2; i++)
		CHECK_OK(ioctl(m.v[i].fd, KVM_SET_TSC_KHZ, khz * 3 / 2));
	for (i = 0; i < 2; i++)
		vcpu_long(&m.v[i], guest_compares, n << 2 | i);
	for (i = 0; i < 2; i++)
		vcpu_start(&m.v[i]);
	for (i = 0; i < 2; i++)
		vcpu_join(&m.v[i]);
	/* The stable bit says that the two agree. */
	for (i = 0; i < 2; i++)
		CHECK_EQ(GUEST_VAR(&m.vm, page[i].flags) & 1, 1);
	vcpu_long(&m.v[0], guest_writes_tsc, 1ull << 50);
	EXPECT_DONE(&m.v[0]);
}
