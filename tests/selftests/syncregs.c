// SPDX-License-Identifier: GPL-2.0-only
/* Registers that KVM_RUN takes from struct kvm_run and leaves there: KVM_CAP_SYNC_REGS. */

#include <signal.h>
#include <sys/time.h>

#include "guest.h"
#include "vm.h"

#define ALL (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void guest_count(u64 arg)
{
	u64 rbx = arg;

	for (;;)
		asm volatile("incq %%rbx; outl %%eax, %%dx" : "=b"(rbx)
			     : "b"(rbx), "a"(UCALL_SYNC), "d"(UCALL_PORT), "D"(0), "S"(0), "c"(0) : "memory");
}

static void start(struct machine *m)
{
	need_ext(KVM_CAP_SYNC_REGS);
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, guest_count, 0);
}

static struct kvm_sync_regs *sync_regs(struct machine *m)
{
	return &m->v.run->s.regs;
}

TEST(capability)
{
	need_ext(KVM_CAP_SYNC_REGS);
	CHECK_EQ(check_ext(open_device(), KVM_CAP_SYNC_REGS) & ALL, ALL);
}

TEST(unknown_classes)
{
	struct machine m;

	start(&m);
	m.v.run->kvm_valid_regs = 1ull << 40;
	CHECK_ERR(vcpu_run_raw(&m.v), EINVAL);
	m.v.run->kvm_valid_regs = ALL | 8;
	CHECK_ERR(vcpu_run_raw(&m.v), EINVAL);
	m.v.run->kvm_valid_regs = 0;
	m.v.run->kvm_dirty_regs = 1ull << 63;
	CHECK_ERR(vcpu_run_raw(&m.v), EINVAL);
	m.v.run->kvm_dirty_regs = 0;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
}

TEST(left_there)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct machine m;

	start(&m);
	m.v.run->kvm_valid_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	get_regs(&m.v, &regs);
	CHECK(!memcmp(&regs, &sync_regs(&m)->regs, sizeof(regs)));
	get_sregs(&m.v, &sregs);
	CHECK(!memcmp(&sregs, &sync_regs(&m)->sregs, sizeof(sregs)));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_VCPU_EVENTS, &events));
	CHECK(!memcmp(&events, &sync_regs(&m)->events, sizeof(events)));
}

/* What was not asked for is not touched, even when other classes are. */
TEST(only_what_is_asked_for)
{
	struct machine m;

	start(&m);
	memset(sync_regs(&m), 0x5a, sizeof(*sync_regs(&m)));
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	CHECK_EQ(sync_regs(&m)->regs.rip, 0x5a5a5a5a5a5a5a5a);
	m.v.run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	CHECK_EQ(sync_regs(&m)->regs.rip, 0x5a5a5a5a5a5a5a5a);
	CHECK(sync_regs(&m)->sregs.cr0 & 1);
	CHECK_EQ(sync_regs(&m)->events.flags, 0x5a5a5a5a);
}

TEST(taken)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct machine m;

	start(&m);
	m.v.run->kvm_valid_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	sync_regs(&m)->regs.rbx = 0x1000;
	sync_regs(&m)->sregs.cr2 = 0x2000;
	m.v.run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	CHECK_EQ(m.v.run->kvm_dirty_regs, 0);
	CHECK_EQ(sync_regs(&m)->regs.rbx, 0x1001);
	CHECK_EQ(sync_regs(&m)->sregs.cr2, 0x2000);
	/* Taken without being left, and not taken without the bit */
	m.v.run->kvm_valid_regs = 0;
	sync_regs(&m)->regs.rbx = 0x3000;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	get_regs(&m.v, &regs);
	CHECK_EQ(regs.rbx, 0x1002);
	sync_regs(&m)->regs = regs;
	sync_regs(&m)->regs.rbx = 0x3000;
	m.v.run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	CHECK_EQ(sync_regs(&m)->regs.rbx, 0x3000);
	get_regs(&m.v, &regs);
	CHECK_EQ(regs.rbx, 0x3001);
	get_sregs(&m.v, &sregs);
	CHECK_EQ(sregs.cr2, 0x2000);
}

TEST(bad_values)
{
	struct machine m;

	start(&m);
	m.v.run->kvm_valid_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	/* Paging without protection */
	sync_regs(&m)->sregs.cr0 = 0x80000000;
	m.v.run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_ERR(vcpu_run_raw(&m.v), EINVAL);
	m.v.run->kvm_dirty_regs = 0;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	sync_regs(&m)->events.flags = 1u << 31;
	m.v.run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	CHECK_ERR(vcpu_run_raw(&m.v), EINVAL);
}

TEST(events_are_injected)
{
	struct machine m;

	start(&m);
	m.v.run->kvm_valid_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	/* #DF, which no handler takes: the guest's shuts it down. */
	sync_regs(&m)->events.exception.injected = 1;
	sync_regs(&m)->events.exception.nr = 8;
	sync_regs(&m)->events.exception.has_error_code = 1;
	sync_regs(&m)->sregs.idt.limit = 0;
	m.v.run->kvm_dirty_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_SHUTDOWN);
}

static void *scribble(void *arg)
{
	volatile struct kvm_run *run = ((struct machine *)arg)->v.run;

	for (;;) {
		run->s.regs.sregs.cr0 ^= 0x80000001;
		run->s.regs.sregs.cr4 = ~run->s.regs.sregs.cr4;
		run->s.regs.events.exception.nr = 255;
		run->s.regs.events.flags ^= 0xff;
		run->kvm_dirty_regs = ALL;
	}
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Whatever the guest has become by then, it may run without an exit. */
static void interrupt_often(void)
{
	struct itimerval often = { .it_interval.tv_usec = 5000, .it_value.tv_usec = 5000 };
	struct sigaction sa = { .sa_handler = on_alarm };

	CHECK_OK(sigaction(SIGALRM, &sa, NULL));
	CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
}

/* Userspace that writes while the kernel reads gains nothing: each call succeeds, is refused, or ends the guest. */
TEST(written_meanwhile)
{
	u64 i, n = test_scale(3000);
	struct machine m;
	pthread_t t;

	start(&m);
	m.v.run->kvm_valid_regs = ALL;
	EXPECT_EXIT(&m.v, KVM_EXIT_IO);
	interrupt_often();
	CHECK_EQ(pthread_create(&t, NULL, scribble, &m), 0);
	for (i = 0; i < n; i++) {
		errno = 0;
		if (vcpu_run_raw(&m.v) && errno != EINVAL && errno != EINTR)
			FAIL("KVM_RUN: errno %d", errno);
	}
}
