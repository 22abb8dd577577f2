// SPDX-License-Identifier: GPL-2.0-only
/* Pausing and resuming a guest from outside, and the events that tell of a VM's life. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apic.h"
#include "guest.h"
#include "nl.h"
#include "vm.h"

#define NOBODY 65534
#define WAIT_MS 20000

struct machine {
	struct vm vm;
	struct vcpu v[2];
	struct nl nl;
	u32 id;
};

static void start(struct machine *m, u32 cpus, bool irqchip)
{
	u32 i;

	nl_open(&m->nl);
	vm_init(&m->vm);
	if (irqchip)
		vm_irqchip(&m->vm);
	for (i = 0; i < cpus; i++)
		vcpu_init(&m->v[i], &m->vm, i);
	m->id = vm_id(&m->vm);
	install_kick();
}

static void pause_vm(struct machine *m)
{
	CHECK_EQ(nl_command(&m->nl, WARREN_CMD_VM_PAUSE, m->id), 0);
}

static void resume_vm(struct machine *m)
{
	CHECK_EQ(nl_command(&m->nl, WARREN_CMD_VM_RESUME, m->id), 0);
}

static u32 vm_state(struct machine *m)
{
	struct nl_msg msg;

	CHECK_EQ(nl_vm_get(&m->nl, m->id, &msg), 0);
	return msg_get_u32(&msg, WARREN_A_VM_STATE);
}

static u32 vcpu_state(struct machine *m, u32 index)
{
	struct nl_msg msg;

	CHECK_EQ(nl_vcpu_get(&m->nl, m->id, index, &msg), 0);
	return msg_get_u32(&msg, WARREN_A_VCPU_STATE);
}

static void wait_state(struct machine *m, u32 index, u32 state)
{
	u64 end = now_ns() + WAIT_MS * 1000000ull;

	while (vcpu_state(m, index) != state) {
		if (now_ns() > end)
			FAIL("vCPU %u is in state %u, not %u", index, vcpu_state(m, index), state);
		sleep_ms(1);
	}
}

/* --- pause and resume --- */

static volatile u64 ticks[2];

static void guest_counts(u64 arg)
{
	for (;;)
		ticks[arg]++;
}

/* KVM_RUN until it fails: the thread's result is errno, or the exit reason and a high bit. */
static void *runs(void *arg)
{
	struct vcpu *v = arg;

	if (vcpu_run_raw(v))
		return (void *)(long)errno;
	return (void *)(0x1000l + v->run->exit_reason);
}

static pthread_t spawn(struct vcpu *v)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, runs, v), 0);
	return t;
}

static void wait_past(struct machine *m, u32 i, u64 seen)
{
	u64 end = now_ns() + WAIT_MS * 1000000ull;

	while (GUEST_VAR(&m->vm, ticks)[i] == seen)
		if (now_ns() > end)
			FAIL("vCPU %u does not run", i);
}

/* Of a guest that goes on counting */
static void wait_tick(struct machine *m, u32 i)
{
	wait_past(m, i, GUEST_VAR(&m->vm, ticks)[i]);
}

static void check_still(struct machine *m, u32 i)
{
	u64 seen = GUEST_VAR(&m->vm, ticks)[i];

	sleep_ms(50);
	CHECK_EQ(GUEST_VAR(&m->vm, ticks)[i], seen);
}

TEST(pause_stops)
{
	struct machine m;
	pthread_t t[2];
	void *result;
	u32 i, n;

	start(&m, 2, false);
	for (i = 0; i < 2; i++) {
		vcpu_long(&m.v[i], guest_counts, i);
		t[i] = spawn(&m.v[i]);
	}
	for (n = 0; n < 5; n++) {
		for (i = 0; i < 2; i++)
			wait_tick(&m, i);
		CHECK_EQ(vm_state(&m), WARREN_VM_RUNNING);
		CHECK_EQ(vcpu_state(&m, 0), WARREN_VCPU_RUNNING);
		pause_vm(&m);
		/* From the answer on, not a moment later. */
		check_still(&m, 0);
		check_still(&m, 1);
		CHECK_EQ(vm_state(&m), WARREN_VM_PAUSED);
		wait_state(&m, 0, WARREN_VCPU_PAUSED);
		wait_state(&m, 1, WARREN_VCPU_PAUSED);
		resume_vm(&m);
	}
	for (i = 0; i < 2; i++) {
		wait_tick(&m, i);
		kick_and_join(t[i], &result);
		CHECK_EQ((long)result, EINTR);
		CHECK_EQ(vcpu_state(&m, i), WARREN_VCPU_IDLE);
	}
}

static void guest_exits(u64 arg)
{
	for (;;) {
		ticks[arg]++;
		cpuid(0, 0);
		outb(TEST_PORT, 0);
	}
}

static volatile bool over;

static void *runs_on(void *arg)
{
	u64 exits = 0;

	while (!over) {
		if (vcpu_run_raw(arg))
			CHECK_EQ(errno, EINTR);
		exits++;
	}
	return (void *)exits;
}

/* Pauses at any moment, of a guest that leaves for its VMM all the time. */
TEST(pause_often)
{
	u64 n = test_scale(1000), before;
	struct machine m;
	pthread_t t[2];
	u32 i;

	start(&m, 2, false);
	for (i = 0; i < 2; i++) {
		vcpu_long(&m.v[i], guest_exits, i);
		CHECK_EQ(pthread_create(&t[i], NULL, runs_on, &m.v[i]), 0);
	}
	while (n--) {
		pause_vm(&m);
		before = GUEST_VAR(&m.vm, ticks)[n % 2];
		if (n % 16 == 0)
			sleep_ms(5);
		CHECK_EQ(GUEST_VAR(&m.vm, ticks)[n % 2], before);
		resume_vm(&m);
		if (n % 16 == 0)
			wait_tick(&m, n % 2);
	}
	over = true;
	for (i = 0; i < 2; i++)
		kick_and_join(t[i], NULL);
}

TEST(pause_before_the_start)
{
	struct machine m;
	pthread_t t;

	start(&m, 1, false);
	pause_vm(&m);
	CHECK_EQ(vm_state(&m), WARREN_VM_PAUSED);
	vcpu_init(&m.v[1], &m.vm, 1);	/* made while it is paused */
	vcpu_long(&m.v[1], guest_counts, 1);
	t = spawn(&m.v[1]);
	wait_state(&m, 1, WARREN_VCPU_PAUSED);
	CHECK_EQ(GUEST_VAR(&m.vm, ticks)[1], 0);
	resume_vm(&m);
	wait_tick(&m, 1);
	CHECK_EQ(vm_state(&m), WARREN_VM_RUNNING);
	kick_and_join(t, NULL);
}

TEST(pause_and_signals)
{
	struct kvm_regs r;
	struct machine m;
	void *result;
	pthread_t t;

	start(&m, 1, false);
	vcpu_long(&m.v[0], guest_counts, 0);
	t = spawn(&m.v[0]);
	wait_tick(&m, 0);
	pause_vm(&m);
	wait_state(&m, 0, WARREN_VCPU_PAUSED);
	/* A signal ends KVM_RUN as ever, registers can be read, and the next KVM_RUN sleeps again. */
	kick_and_join(t, &result);
	CHECK_EQ((long)result, EINTR);
	CHECK_EQ(m.v[0].run->exit_reason, KVM_EXIT_INTR);
	get_regs(&m.v[0], &r);
	check_still(&m, 0);
	m.v[0].run->immediate_exit = 1;
	CHECK_ERR(vcpu_run_raw(&m.v[0]), EINTR);
	m.v[0].run->immediate_exit = 0;
	t = spawn(&m.v[0]);
	wait_state(&m, 0, WARREN_VCPU_PAUSED);
	check_still(&m, 0);
	kick_and_join(t, &result);
	CHECK_EQ((long)result, EINTR);
	resume_vm(&m);
	t = spawn(&m.v[0]);
	wait_tick(&m, 0);
	kick_and_join(t, NULL);
}

static void guest_reads_port(u64 arg)
{
	for (;;)
		ticks[arg] = inb(TEST_PORT);
}

/* What the guest was given is in its registers when a signal ends the wait. */
TEST(pause_between_exit_and_completion)
{
	struct kvm_regs before, after;
	struct machine m;
	void *result;
	pthread_t t;

	start(&m, 1, false);
	vcpu_long(&m.v[0], guest_reads_port, 0);
	CHECK_EQ(vcpu_run_raw(&m.v[0]), 0);
	CHECK_EQ(m.v[0].run->exit_reason, KVM_EXIT_IO);
	get_regs(&m.v[0], &before);
	pause_vm(&m);
	*((u8 *)m.v[0].run + m.v[0].run->io.data_offset) = 0x5a;
	t = spawn(&m.v[0]);
	wait_state(&m, 0, WARREN_VCPU_PAUSED);
	kick_and_join(t, &result);
	CHECK_EQ((long)result, EINTR);
	CHECK_EQ(m.v[0].run->exit_reason, KVM_EXIT_INTR);
	get_regs(&m.v[0], &after);
	CHECK_EQ((u8)after.rax, 0x5a);
	CHECK(after.rip > before.rip);
	resume_vm(&m);
}

static volatile u64 interrupts;

static void on_interrupt(struct guest_frame *f)
{
	(void)f;
	interrupts++;
	apic_eoi();
}

static void guest_halts(u64 arg)
{
	(void)arg;
	guest_handler[0x50] = on_interrupt;
	apic_on();
	while (interrupts < 2) {
		sti_hlt_cli();
		ticks[0]++;
	}
	guest_done();
}

/* In HLT it stays, and what wakes it waits for the guest to go on. */
TEST(pause_in_hlt)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x50 };
	struct machine m;

	start(&m, 1, true);
	vcpu_cpuid(&m.v[0]);
	vcpu_long(&m.v[0], guest_halts, 0);
	vcpu_start(&m.v[0]);
	wait_state(&m, 0, WARREN_VCPU_HALTED);
	pause_vm(&m);
	sleep_ms(20);
	CHECK_EQ(vcpu_state(&m, 0), WARREN_VCPU_HALTED);
	CHECK_EQ(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi), 1);
	wait_state(&m, 0, WARREN_VCPU_PAUSED);
	check_still(&m, 0);
	CHECK_EQ(GUEST_VAR(&m.vm, interrupts), 0);
	resume_vm(&m);
	wait_past(&m, 0, 0);
	wait_state(&m, 0, WARREN_VCPU_HALTED);
	CHECK_EQ(GUEST_VAR(&m.vm, interrupts), 1);
	/* Paused and resumed in HLT: it is still in HLT. */
	pause_vm(&m);
	resume_vm(&m);
	sleep_ms(20);
	CHECK_EQ(vcpu_state(&m, 0), WARREN_VCPU_HALTED);
	CHECK_EQ(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi), 1);
	vcpu_join(&m.v[0]);
}

static volatile u8 bytes[3 * PAGE];

static void guest_reads(u64 arg)
{
	const volatile u8 *to = bytes;
	u64 n = sizeof(bytes);

	(void)arg;
	asm volatile("rep insb" : "+D"(to), "+c"(n) : "d"(TEST_PORT) : "memory");
	guest_done();
}

/* Serve a part of the string, as long as the kernel asks for; returns its length. */
static u32 give(struct vcpu *v, u8 value)
{
	u8 *data = EXPECT_IO(v, KVM_EXIT_IO_IN, TEST_PORT, 1);

	memset(data, value, v->run->io.count);
	return v->run->io.count;
}

/* A string instruction that its VMM serves part by part does not go on either. */
TEST(pause_in_string_io)
{
	struct kvm_regs before, after;
	struct machine m;
	pthread_t t;
	u32 done, last;

	start(&m, 1, false);
	vcpu_long(&m.v[0], guest_reads, 0);
	done = give(&m.v[0], 0x44);
	last = give(&m.v[0], 0x55);
	pause_vm(&m);
	get_regs(&m.v[0], &before);
	t = spawn(&m.v[0]);
	wait_state(&m, 0, WARREN_VCPU_PAUSED);
	kick_and_join(t, NULL);
	/* What was given is taken, and no more. */
	get_regs(&m.v[0], &after);
	CHECK_EQ(after.rcx, before.rcx - last);
	done += last;
	resume_vm(&m);
	while (done < sizeof(bytes))
		done += give(&m.v[0], 0x11);
	EXPECT_DONE(&m.v[0]);
	CHECK_EQ(GUEST_VAR(&m.vm, bytes)[0], 0x44);
	CHECK_EQ(GUEST_VAR(&m.vm, bytes)[sizeof(bytes) - 1], 0x11);
}

#define MSR_SYSTEM_TIME 0x4b564d01
#define GUEST_STOPPED 2

static struct {
	volatile u32 version, pad;
	volatile u64 tsc, ns;
	volatile u32 mul;
	volatile u8 shift, flags, pad2[2];
} clock_page __attribute__((aligned(64)));

static void guest_looks_at_clock(u64 arg)
{
	u32 i, flags;

	(void)arg;
	wrmsr(MSR_SYSTEM_TIME, (u64)&clock_page | 1);
	for (i = 1; i < 5; i++) {
		cpuid(0, 0);
		flags = clock_page.flags;
		clock_page.flags = 0;
		guest_report(i, flags & GUEST_STOPPED, 0);
	}
	guest_done();
}

/* A guest with kvmclock is told that it was stopped, once each time. */
TEST(pause_is_told_to_the_guest)
{
	struct machine m;

	start(&m, 1, false);
	vcpu_cpuid(&m.v[0]);
	vcpu_long(&m.v[0], guest_looks_at_clock, 0);
	CHECK_EQ(EXPECT_SYNC(&m.v[0], 1).b, 0);
	pause_vm(&m);
	resume_vm(&m);
	CHECK_EQ(EXPECT_SYNC(&m.v[0], 2).b, GUEST_STOPPED);
	CHECK_EQ(EXPECT_SYNC(&m.v[0], 3).b, 0);
	pause_vm(&m);
	resume_vm(&m);
	pause_vm(&m);
	resume_vm(&m);
	CHECK_EQ(EXPECT_SYNC(&m.v[0], 4).b, GUEST_STOPPED);
	EXPECT_DONE(&m.v[0]);
}

/* --- events --- */

/* What comes next: an event, or WARREN_CMD_LOST. */
static void next_message(struct nl *nl, struct nl_msg *m)
{
	do {
		if (!nl_read(nl, m, WAIT_MS))
			FAIL("no event: %s", strerror(errno));
	} while (m->head.nlmsg_type != nl->family);
}

static void expect_event(struct nl *nl, struct nl_msg *m, u32 id, u32 what)
{
	next_message(nl, m);
	CHECK_EQ(msg_cmd(m), WARREN_CMD_EVENT);
	CHECK_EQ(msg_get_u32(m, WARREN_A_EVENT_WHAT), what);
	CHECK_EQ(msg_get_u32(m, WARREN_A_EVENT_VM), id);
	CHECK(!msg_has(m, WARREN_A_EVENT_LOST));
}

static void no_event(struct nl *nl)
{
	struct nl_msg m;

	if (nl_read(nl, &m, 20))
		FAIL("a message of type %u, command %u", m.head.nlmsg_type, msg_cmd(&m));
}

static void report(struct vm *vm, u32 what)
{
	struct warren_report r = { .what = what };

	CHECK_OK(ioctl(vm->fd, WARREN_REPORT, &r));
}

BLOB64(triple, "pushq $0\n pushq $0\n lidt (%rsp)\n ud2\n");
BLOB64(lost, "movl $0xd0000000, %eax\n jmp *%rax\n");
BLOB64(exits, "1: outb %al, $0x80\n jmp 1b\n");

static void live(struct machine *m)
{
	u32 i;

	vm_init(&m->vm);
	m->id = vm_id(&m->vm);
	CHECK_EQ(nl_set_name(&m->nl, m->id, "lively"), 0);
	CHECK_EQ(nl_set_name(&m->nl, m->id, "lively"), 0);
	vcpu_init(&m->v[0], &m->vm, 0);
	vcpu_init(&m->v[1], &m->vm, 5);
	LOAD(&m->vm, exits);
	vcpu_long_at(&m->v[1], GPA_CODE);
	for (i = 0; i < 3; i++)
		EXPECT_EXIT(&m->v[1], KVM_EXIT_IO);
	CHECK_EQ(vm_state(m), WARREN_VM_RUNNING);
	resume_vm(m);
	pause_vm(m);
	pause_vm(m);
	resume_vm(m);
	resume_vm(m);
	report(&m->vm, WARREN_REPORT_RESET);
	report(&m->vm, WARREN_REPORT_SHUTDOWN);
	CHECK_EQ(vm_state(m), WARREN_VM_SHUT_DOWN);
	EXPECT_EXIT(&m->v[1], KVM_EXIT_IO);
	CHECK_EQ(vm_state(m), WARREN_VM_RUNNING);
	report(&m->vm, WARREN_REPORT_PANIC);
	CHECK_EQ(vm_state(m), WARREN_VM_CRASHED);
	LOAD(&m->vm, lost);
	vcpu_long_at(&m->v[1], GPA_CODE);
	EXPECT_EXIT(&m->v[1], KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(vm_state(m), WARREN_VM_CRASHED);
	LOAD(&m->vm, triple);
	vcpu_long_at(&m->v[0], GPA_CODE);
	EXPECT_EXIT(&m->v[0], KVM_EXIT_SHUTDOWN);
	CHECK_EQ(vm_state(m), WARREN_VM_CRASHED);
	vcpu_free(&m->v[0]);
	vcpu_free(&m->v[1]);
	vm_free(&m->vm);
}

static void hear_life(struct nl *nl, struct machine *m)
{
	struct nl_msg e;

	expect_event(nl, &e, m->id, WARREN_EVENT_CREATED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_PID), getpid());
	CHECK(!msg_has(&e, WARREN_A_EVENT_NAME) && !msg_has(&e, WARREN_A_EVENT_VCPU));
	CHECK(msg_get_u64(&e, WARREN_A_EVENT_TIME) > 1000000000000000000ull);
	expect_event(nl, &e, m->id, WARREN_EVENT_NAMED);
	CHECK(!strcmp(msg_get_str(&e, WARREN_A_EVENT_NAME), "lively"));
	expect_event(nl, &e, m->id, WARREN_EVENT_VCPU_CREATED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_VCPU), 0);
	expect_event(nl, &e, m->id, WARREN_EVENT_VCPU_CREATED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_VCPU), 1);
	expect_event(nl, &e, m->id, WARREN_EVENT_STARTED);
	expect_event(nl, &e, m->id, WARREN_EVENT_PAUSED);
	expect_event(nl, &e, m->id, WARREN_EVENT_RESUMED);
	expect_event(nl, &e, m->id, WARREN_EVENT_RESET);
	expect_event(nl, &e, m->id, WARREN_EVENT_SHUT_DOWN);
	expect_event(nl, &e, m->id, WARREN_EVENT_CRASHED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_REASON), WARREN_CRASH_PANIC);
	CHECK(!msg_has(&e, WARREN_A_EVENT_VCPU));
	expect_event(nl, &e, m->id, WARREN_EVENT_CRASHED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_REASON), WARREN_CRASH_INTERNAL);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_VCPU), 1);
	expect_event(nl, &e, m->id, WARREN_EVENT_CRASHED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_REASON), WARREN_CRASH_TRIPLE_FAULT);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_VCPU), 0);
	expect_event(nl, &e, m->id, WARREN_EVENT_DESTROYED);
	CHECK(!strcmp(msg_get_str(&e, WARREN_A_EVENT_NAME), "lively"));
	no_event(nl);
}

/* A whole life, as two listeners and the group hear it. */
static void life(struct nl *hear[3], struct machine *m)
{
	u32 i;

	live(m);
	for (i = 0; i < 3; i++)
		hear_life(hear[i], m);
}

TEST(events_in_order)
{
	struct nl one, two, group, *hear[3] = { &one, &two, &group };
	struct machine m;

	nl_open(&m.nl);
	nl_open(&one);
	nl_open(&two);
	nl_open(&group);
	CHECK_EQ(nl_listen(&one), 0);
	CHECK_EQ(nl_listen(&two), 0);
	CHECK_EQ(nl_listen(&two), 0);	/* again: still once each */
	CHECK_OK(setsockopt(group.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group.group, sizeof(group.group)));
	life(hear, &m);
}

TEST(entry_failed)
{
	struct kvm_sregs s;
	struct machine m;
	struct nl_msg e;
	struct nl nl;

	nl_open(&nl);
	start(&m, 1, false);
	LOAD(&m.vm, exits);
	vcpu_long_at(&m.v[0], GPA_CODE);
	get_sregs(&m.v[0], &s);
	s.gdt.base = 1ull << 47;	/* VT-x refuses it, AMD-V need not */
	set_sregs(&m.v[0], &s);
	CHECK_EQ(nl_listen(&nl), 0);
	vcpu_run(&m.v[0]);
	expect_event(&nl, &e, m.id, WARREN_EVENT_STARTED);
	if (m.v[0].run->exit_reason != KVM_EXIT_FAIL_ENTRY)
		SKIP("this CPU enters with what VT-x refuses");
	expect_event(&nl, &e, m.id, WARREN_EVENT_CRASHED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_REASON), WARREN_CRASH_ENTRY_FAILED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_VCPU), 0);
}

/* The VMM is killed while its guest is paused: it dies at once, and so does the VM. */
static void paused_victim(void *arg)
{
	struct machine m;

	(void)arg;
	start(&m, 1, false);
	vcpu_long(&m.v[0], guest_counts, 0);
	pause_vm(&m);
	vcpu_run_raw(&m.v[0]);
}

TEST(kill_while_paused)
{
	struct nl_msg e;
	struct nl nl;
	int status;
	pid_t pid;
	u32 id;

	nl_open(&nl);
	CHECK_EQ(nl_listen(&nl), 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		paused_victim(NULL);
		_exit(1);
	}
	next_message(&nl, &e);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_WHAT), WARREN_EVENT_CREATED);
	CHECK_EQ(msg_get_u32(&e, WARREN_A_EVENT_PID), pid);
	id = msg_get_u32(&e, WARREN_A_EVENT_VM);
	expect_event(&nl, &e, id, WARREN_EVENT_VCPU_CREATED);
	expect_event(&nl, &e, id, WARREN_EVENT_PAUSED);
	sleep_ms(50);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* Never started. */
	expect_event(&nl, &e, id, WARREN_EVENT_DESTROYED);
}

static void hears_own(void *arg)
{
	struct nl_msg e;
	struct nl nl;
	struct vm vm;
	int fd;

	memset(&vm, 0, sizeof(vm));
	vm.dev = open_device();
	fd = CHECK_OK(vm_create(vm.dev));
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
	nl_open(&nl);
	CHECK_ERR(setsockopt(nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl.group, sizeof(nl.group)), EPERM);
	CHECK_EQ(nl_listen(&nl), 0);
	close(fd);		/* root's */
	vm.fd = CHECK_OK(vm_create(vm.dev));
	expect_event(&nl, &e, vm_id(&vm), WARREN_EVENT_CREATED);
	(void)arg;
}

TEST(listener_hears_its_own)
{
	struct machine m;
	struct nl nl;

	nl_open(&m.nl);
	CHECK(in_child(hears_own, NULL));
	/* Nor does one in another network namespace, whoever it is. */
	nl_open(&nl);
	CHECK_OK(unshare(CLONE_NEWNET));
	nl_open(&nl);
	CHECK_EQ(nl_listen(&nl), 0);
	CHECK_OK(setsockopt(nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl.group, sizeof(nl.group)));
	if (!fork()) {
		int fd = open("/proc/1/ns/net", 0);

		CHECK_OK(setns(fd, CLONE_NEWNET));
		vm_init_bare(&m.vm);
		_exit(0);
	}
	wait(NULL);
	no_event(&nl);
}

/* A listener that never reads: nobody waits for it, and when it reads it is told how many it missed. */
TEST(slow_listener)
{
	u64 n = 300, got = 0, heard = 0, i;
	int small = 4096, one = 1;
	struct nl slow, quick;
	struct nl_msg e;
	struct vm vm;

	nl_open(&slow);
	nl_open(&quick);
	CHECK_OK(setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	CHECK_OK(setsockopt(slow.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)));
	CHECK_EQ(nl_listen(&slow), 0);
	CHECK_EQ(nl_listen(&quick), 0);
	for (i = 0; i < n; i++) {
		vm_init_bare(&vm);
		close(vm.fd);
		close(vm.dev);
		while (nl_read(&quick, &e, 0))
			heard += msg_cmd(&e) == WARREN_CMD_EVENT;
	}
	CHECK_EQ(heard, 2 * n);
	while (nl_read(&slow, &e, 0))
		got += msg_cmd(&e) == WARREN_CMD_EVENT;
	CHECK(got && got < 2 * n);
	/* The next event, and before it the number. */
	vm_init_bare(&vm);
	next_message(&slow, &e);
	CHECK_EQ(msg_cmd(&e), WARREN_CMD_LOST);
	CHECK_EQ(msg_get_u64(&e, WARREN_A_EVENT_LOST), 2 * n - got);
	expect_event(&slow, &e, vm_id(&vm), WARREN_EVENT_CREATED);
	/* It is told once. */
	close(vm.fd);
	next_message(&slow, &e);
	CHECK_EQ(msg_cmd(&e), WARREN_CMD_EVENT);
	test_note("%lu of %lu events fitted", (unsigned long)got, (unsigned long)(2 * n));
}

/* A socket without NETLINK_NO_ENOBUFS hears of it from the kernel, too. */
TEST(slow_listener_enobufs)
{
	int small = 4096, i;
	struct nl_msg e;
	struct nl slow;
	struct vm vm;

	nl_open(&slow);
	CHECK_OK(setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	CHECK_EQ(nl_listen(&slow), 0);
	for (i = 0; i < 40; i++) {
		vm_init_bare(&vm);
		close(vm.fd);
		close(vm.dev);
	}
	CHECK(!nl_read(&slow, &e, 0) && errno == ENOBUFS);
	while (nl_read(&slow, &e, 0))
		;
	vm_init_bare(&vm);
	next_message(&slow, &e);
	CHECK_EQ(msg_cmd(&e), WARREN_CMD_LOST);
}

static void listens(void *arg)
{
	struct nl nl;

	(void)arg;
	nl_open(&nl);
	CHECK_EQ(nl_listen(&nl), 0);
}

TEST(listeners_are_limited)
{
	static struct nl nl[65];
	u32 i;

	for (i = 0; i < 64; i++) {
		nl_open(&nl[i]);
		CHECK_EQ(nl_listen(&nl[i]), 0);
	}
	nl_open(&nl[64]);
	CHECK_EQ(nl_listen(&nl[64]), -ENOSPC);
	CHECK(nl[64].error[0]);
	CHECK_EQ(nl_listen(&nl[3]), 0);
	nl_close(&nl[10]);
	CHECK_EQ(nl_listen(&nl[64]), 0);
	/* One that ends without closing it frees its place, too. */
	nl_close(&nl[20]);
	CHECK(in_child(listens, NULL));
	CHECK(in_child(listens, NULL));
}

static int unload(void)
{
	return syscall(SYS_delete_module, "warren", O_NONBLOCK);
}

static void load(void)
{
	int fd = CHECK_OK(open(getenv("WARREN_MODULE"), O_RDONLY | O_CLOEXEC));

	CHECK_OK(syscall(SYS_finit_module, fd, getenv("WARREN_MODULE_PARAMS") ?: "", 0));
	close(fd);
}

/* A socket may outlive the module; a VM and a dump that is under way keep it. The last test, for all that it takes away. */
TEST(module_goes_while_listening)
{
	struct nl one, group, dump;
	struct vm vm[40];
	struct nl_msg m;
	u32 i;

	if (is_kvm() || !getenv("WARREN_MODULE"))
		SKIP("there is no module to load again");
	nl_open(&one);
	nl_open(&group);
	nl_open(&dump);
	CHECK_EQ(nl_listen(&one), 0);
	CHECK_OK(setsockopt(group.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group.group, sizeof(group.group)));
	for (i = 0; i < ARRAY_SIZE(vm); i++)
		vm_init_bare(&vm[i]);
	msg_init(&dump, &m, WARREN_CMD_VM_GET, NLM_F_DUMP);
	nl_send(&dump, &m);
	CHECK_ERR(unload(), EAGAIN);
	for (i = 0; i < ARRAY_SIZE(vm); i++) {
		close(vm[i].fd);
		close(vm[i].dev);
	}
	CHECK_ERR(unload(), EAGAIN);
	nl_close(&dump);
	while (nl_read(&one, &m, 0) || nl_read(&group, &m, 0))
		;
	CHECK_OK(unload());
	/* The group ends with a word of the kernel's own, for those who listen to it; nothing of ours is left. */
	msg_init(&one, &m, WARREN_CMD_VM_GET, 0);
	CHECK_EQ(nl_ask(&one, &m, NULL), -ENOENT);
	load();
	vm_init_bare(&vm[0]);
	no_event(&one);
	no_event(&group);
	nl_close(&one);
	nl_open(&one);
	CHECK_EQ(nl_listen(&one), 0);
	close(vm[0].fd);
	next_message(&one, &m);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_EVENT_WHAT), WARREN_EVENT_DESTROYED);
}
