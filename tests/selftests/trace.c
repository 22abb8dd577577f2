// SPDX-License-Identifier: GPL-2.0-only
/* WARREN_TRACE_OPEN: the ring that tells each exit of a vCPU, to those who may know. */
#include <cpuid.h>
#include <fcntl.h>
#include <linux/warren.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define DEFAULT_ENTRIES 4096

struct machine {
	struct vm vm;
	struct vcpu v;
};

struct ring {
	int fd;
	size_t size;
	const struct warren_trace_ring *head;
	const struct warren_trace_entry *entries;
};

static void need_warren(void)
{
	if (is_kvm())
		SKIP("KVM has no trace rings");
}

static int trace_open(int fd, u32 entries)
{
	return ioctl(fd, WARREN_TRACE_OPEN, &(struct warren_trace_open){ .entries = entries });
}

/* As a reader that knows nothing does it: a page first, which tells how much there is. */
static void ring_map(struct ring *r, int fd)
{
	const struct warren_trace_ring *first = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	CHECK(first != MAP_FAILED);
	r->fd = fd;
	r->size = first->entries_offset + (size_t)first->nr_entries * first->entry_size;
	CHECK_EQ(first->entry_size, sizeof(struct warren_trace_entry));
	munmap((void *)first, PAGE);
	r->head = mmap(NULL, r->size, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(r->head != MAP_FAILED);
	r->entries = (const void *)r->head + r->head->entries_offset;
}

static void ring_open(struct ring *r, struct vcpu *v, u32 entries)
{
	ring_map(r, CHECK_OK(trace_open(v->fd, entries)));
}

static void ring_close(struct ring *r)
{
	munmap((void *)r->head, r->size);
	close(r->fd);
}

static u64 head_of(const struct ring *r)
{
	return __atomic_load_n(&r->head->head, __ATOMIC_ACQUIRE);
}

static const struct warren_trace_entry *entry_at(const struct ring *r, u64 n)
{
	return &r->entries[n & (r->head->nr_entries - 1)];
}

/* Copies entry n; false when it was, or may have been, overwritten meanwhile. */
static bool ring_read(const struct ring *r, u64 n, struct warren_trace_entry *out)
{
	u64 head;

	*out = *(const volatile struct warren_trace_entry *)entry_at(r, n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	head = head_of(r);
	return n < head && n + r->head->nr_entries >= head + 1;
}

/* What happens when the host, or the memory below the guest, likes. */
static bool is_noise(u32 reason)
{
	return reason == WARREN_EXIT_INTERRUPT || reason == WARREN_EXIT_NMI || reason == WARREN_EXIT_FAULT ||
	       reason == WARREN_EXIT_WINDOW || reason == WARREN_EXIT_TIMER || reason == WARREN_EXIT_DIRTY_LOG;
}

static bool host_is_amd(void)
{
	u32 a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & 4;
}

static void start_c(struct machine *m, void (*fn)(u64), u64 arg)
{
	need_warren();
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

extern const u8 at_cpuid[], at_out[], at_rdmsr[], at_wrmsr[], at_hlt[];

BLOB16(known16,
	"xorl %eax, %eax\n"
	"at_cpuid: cpuid\n"
	"movw $0x5000, %dx\n"
	"at_out: outb %al, %dx\n"
	"movl $0x1b, %ecx\n"
	"at_rdmsr: rdmsr\n"
	"at_wrmsr: wrmsr\n"
	"at_hlt: hlt\n");

static const struct known {
	const u8 *at;
	u32 reason, svm, vmx;
} known[] = {
	{ at_cpuid, WARREN_EXIT_CPUID, 0x72, 10 },
	{ at_out, WARREN_EXIT_IO, 0x7b, 30 },
	{ at_rdmsr, WARREN_EXIT_MSR_READ, 0x7c, 31 },
	{ at_wrmsr, WARREN_EXIT_MSR_WRITE, 0x7c, 32 },
	{ at_hlt, WARREN_EXIT_HLT, 0x78, 12 },
};

static void check_known(const struct warren_trace_entry *e, const struct known *k)
{
	CHECK_EQ(e->reason, k->reason);
	CHECK_EQ(e->rip, GPA_CODE + (u64)(k->at - known16));
	CHECK_EQ(e->code, host_is_amd() ? k->svm : k->vmx);
	CHECK_EQ(e->gpa, 0);
	CHECK_EQ(e->instructions, 0);
	/* Both vendors have the port there. */
	if (k->reason == WARREN_EXIT_IO)
		CHECK_EQ(e->qualification >> 16 & 0xffff, TEST_PORT);
}

/* Reason, place and the vendor's words of exits that are known; numbers without a gap; times in order. */
TEST(known_exits)
{
	const struct warren_trace_entry *e;
	u64 n, tsc, end;
	struct machine m;
	u32 i = 0, loop;
	struct ring r;

	need_warren();
	if (host_is_restricted())
		SKIP("real mode takes other exits there");
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	LOAD(&m.vm, known16);
	ring_open(&r, &m.v, 0);
	CHECK_EQ(r.head->nr_entries, DEFAULT_ENTRIES);
	CHECK_EQ(head_of(&r), 0);
	tsc = rdtsc();
	for (loop = 0; loop < 3; loop++) {
		vcpu_real(&m.v, GPA_CODE);
		EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
		EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	}
	end = rdtsc();
	for (n = 0; n < head_of(&r); n++) {
		e = entry_at(&r, n);
		CHECK_EQ(e->seq, n);
		CHECK(e->entry_tsc >= tsc);
		CHECK(e->exit_tsc > e->entry_tsc);
		tsc = e->exit_tsc;
		if (!is_noise(e->reason))
			check_known(e, &known[i++ % ARRAY_SIZE(known)]);
	}
	CHECK(tsc <= end);
	CHECK_EQ(i, 3 * ARRAY_SIZE(known));
	CHECK_EQ(r.head->lost, 0);
	CHECK_EQ(r.head->ended, 0);
	CHECK_EQ(r.head->vcpu, 0);
	CHECK(r.head->tsc_khz);
}

static void guest_touches_a_device(u64 arg)
{
	readl(TEST_MMIO + arg);
	guest_done();
}

TEST(fault_address)
{
	u32 found = 0, others = 0;
	struct machine m;
	struct ring r;
	u64 n;

	start_c(&m, guest_touches_a_device, 0x124);
	ring_open(&r, &m.v, 0);
	EXPECT_MMIO(&m.v, TEST_MMIO + 0x124, 4, false);
	EXPECT_DONE(&m.v);
	for (n = 0; n < head_of(&r); n++) {
		if (entry_at(&r, n)->reason != WARREN_EXIT_FAULT)
			CHECK_EQ(entry_at(&r, n)->gpa, 0);
		else if (entry_at(&r, n)->gpa == TEST_MMIO + 0x124)
			found++;
		else
			others += entry_at(&r, n)->gpa < VM_MEMORY;
	}
	CHECK_EQ(found, 1);
	/* The guest's own code, tables and stack had to be mapped. */
	CHECK(others);
}

/* What VM and vCPU, by index; each vCPU has its own ring. */
TEST(two_vcpus)
{
	struct ring a, b;
	struct machine m;
	struct vcpu other;

	start_c(&m, guest_touches_a_device, 0);
	vcpu_init(&other, &m.vm, 7);
	ring_open(&a, &m.v, 64);
	ring_open(&b, &other, 128);
	CHECK_EQ(a.head->vcpu, 0);
	CHECK_EQ(b.head->vcpu, 1);
	CHECK_EQ(a.head->vm, b.head->vm);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, false);
	CHECK(head_of(&a));
	CHECK_EQ(head_of(&b), 0);
}

static void guest_cpuids(u64 n)
{
	while (n--)
		cpuid(0, 0);
	guest_done();
}

TEST(overwritten)
{
	u64 n, head, times = test_scale(2000) + 200;
	struct machine m;
	struct ring r;

	start_c(&m, guest_cpuids, times);
	ring_open(&r, &m.v, 64);
	EXPECT_DONE(&m.v);
	head = head_of(&r);
	CHECK(head > times);
	CHECK_EQ(r.head->lost, head - 64);
	for (n = head - 64; n < head; n++)
		CHECK_EQ(entry_at(&r, n)->seq, n);
}

static struct {
	volatile u64 stop, turns;
} shared;

static void guest_is_busy(u64 arg)
{
	(void)arg;
	while (!shared.stop) {
		cpuid(0, 0);
		shared.turns++;
	}
	guest_done();
}

static void start_busy(struct machine *m)
{
	start_c(m, guest_is_busy, 0);
	vcpu_start(&m->v);
	while (GUEST_VAR(&m->vm, shared).turns < 10)
		sleep_ms(1);
}

static void stop_busy(struct machine *m)
{
	GUEST_VAR(&m->vm, shared).stop = 1;
	vcpu_join(&m->v);
}

struct reader {
	struct machine *m;
	u32 entries;
	u64 whole, lost;
};

/* Follows a ring until it has seen enough: each entry that counts as whole is. */
static void *follow(void *arg)
{
	u64 n, head, want = test_scale(2000) + 100;
	struct warren_trace_entry e;
	struct reader *reader = arg;
	u64 last_tsc = 0;
	struct ring r;

	ring_open(&r, &reader->m->v, reader->entries);
	for (n = 0; reader->whole < want; n++) {
		while ((head = head_of(&r)) <= n)
			sched_yield();
		if (head > n + r.head->nr_entries) {
			reader->lost += head - r.head->nr_entries - n;
			n = head - r.head->nr_entries;
		}
		if (!ring_read(&r, n, &e)) {
			reader->lost++;
			continue;
		}
		CHECK_EQ(e.seq, n);
		CHECK(e.entry_tsc > last_tsc);
		CHECK(e.exit_tsc > e.entry_tsc);
		CHECK(e.reason < WARREN_EXIT_NR);
		CHECK(e.reason == WARREN_EXIT_CPUID || is_noise(e.reason));
		last_tsc = e.exit_tsc;
		reader->whole++;
	}
	ring_close(&r);
	return NULL;
}

/* Two readers of one ring, small enough to be overrun, while the vCPU runs. */
TEST(two_readers)
{
	struct reader reader[2] = { };
	struct machine m;
	pthread_t t;

	start_busy(&m);
	reader[0] = reader[1] = (struct reader){ .m = &m, .entries = 64 };
	CHECK_EQ(pthread_create(&t, NULL, follow, &reader[1]), 0);
	follow(&reader[0]);
	pthread_join(t, NULL);
	stop_busy(&m);
	test_note("whole %llu and %llu, lost %llu and %llu", (unsigned long long)reader[0].whole,
		  (unsigned long long)reader[1].whole, (unsigned long long)reader[0].lost,
		  (unsigned long long)reader[1].lost);
}

static void wait_for_more(const struct ring *r)
{
	u64 head = head_of(r);

	while (head_of(r) < head + 10)
		sleep_ms(1);
}

/* A mapping holds the ring, as a file does; the last one gone, the next ring is a new one. */
TEST(close_while_running)
{
	struct ring r, again;
	struct machine m;
	u64 turns;
	u32 i;

	start_busy(&m);
	for (i = 0; i < test_scale(20); i++) {
		ring_open(&r, &m.v, 64 << i % 3);
		CHECK(head_of(&r) < 1000000);
		wait_for_more(&r);
		close(r.fd);
		wait_for_more(&r);
		ring_open(&again, &m.v, 0);
		CHECK_EQ(again.head->nr_entries, r.head->nr_entries);
		CHECK(head_of(&again) >= 20);
		munmap((void *)r.head, r.size);
		wait_for_more(&again);
		ring_close(&again);
	}
	turns = GUEST_VAR(&m.vm, shared).turns;
	while (GUEST_VAR(&m.vm, shared).turns == turns)
		sleep_ms(1);
	stop_busy(&m);
}

/* The vCPU goes first: what was written stays, and poll() tells that there is no more. */
TEST(vcpu_gone)
{
	struct pollfd p = { .events = POLLIN };
	struct machine m;
	struct ring r;
	u64 head;

	start_c(&m, guest_cpuids, 10);
	ring_open(&r, &m.v, 64);
	EXPECT_DONE(&m.v);
	head = head_of(&r);
	p.fd = r.fd;
	CHECK_EQ(poll(&p, 1, 0), 0);
	vcpu_free(&m.v);
	vm_free(&m.vm);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLHUP);
	CHECK_EQ(__atomic_load_n(&r.head->ended, __ATOMIC_ACQUIRE), 1);
	CHECK_EQ(head_of(&r), head);
	CHECK_EQ(entry_at(&r, 0)->seq, 0);
	ring_close(&r);
}

static void *end_vm(void *arg)
{
	struct machine *m = arg;

	sleep_ms(50);
	vcpu_free(&m->v);
	vm_free(&m->vm);
	return NULL;
}

TEST(poll_wakes)
{
	struct pollfd p = { .events = POLLIN };
	struct machine m;
	pthread_t t;

	start_c(&m, guest_cpuids, 10);
	p.fd = CHECK_OK(trace_open(m.v.fd, 64));
	CHECK_EQ(pthread_create(&t, NULL, end_vm, &m), 0);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLHUP);
	pthread_join(t, NULL);
}

static void *map(int fd, size_t size, int prot, int flags, off_t offset)
{
	return mmap(NULL, size, prot, flags, fd, offset);
}

static void touch(void *p)
{
	*(volatile u8 *)p;
}

/* How the child that runs fn(p) ends: 0, or the signal that kills it. */
static int fate(void (*fn)(void *), void *p)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		fn(p);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Nobody writes into a ring but the kernel. */
TEST(mapping_rules)
{
	struct machine m;
	struct ring r;
	u8 *p;
	int fd;

	start_c(&m, guest_cpuids, 10);
	ring_open(&r, &m.v, 64);
	CHECK_EQ(r.size, 2 * PAGE);
	CHECK(map(r.fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0) == MAP_FAILED && errno == EACCES);
	CHECK(map(r.fd, PAGE, PROT_WRITE, MAP_SHARED, 0) == MAP_FAILED && errno == EACCES);
	CHECK(map(r.fd, PAGE, PROT_READ, MAP_PRIVATE, 0) == MAP_FAILED && errno == EINVAL);
	CHECK(map(r.fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0) == MAP_FAILED && errno == EINVAL);
	CHECK_ERR(mprotect((void *)r.head, r.size, PROT_READ | PROT_WRITE), EACCES);

	/* Past the end there is nothing, by whatever way. */
	p = map(r.fd, 4 * PAGE, PROT_READ, MAP_SHARED, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(fate(touch, p + PAGE), 0);
	CHECK_EQ(fate(touch, p + 2 * PAGE), SIGBUS);
	p = map(r.fd, PAGE, PROT_READ, MAP_SHARED, 0x7fffffff000);
	CHECK(p == MAP_FAILED || fate(touch, p) == SIGBUS);

	fd = CHECK_OK(open("/proc/self/mem", O_RDWR));
	CHECK(pwrite(fd, "x", 1, (off_t)(size_t)r.head) < 0);
	CHECK_ERR(write(r.fd, "x", 1), EBADF);
	CHECK_ERR(read(r.fd, &fd, sizeof(fd)), EINVAL);
	CHECK_ERR(ftruncate(r.fd, 0), EINVAL);
	EXPECT_DONE(&m.v);
	CHECK(head_of(&r) >= 10);
}

TEST(arguments)
{
	static const u32 bad[] = { 1, 32, 63, 65, 96, 4095, 65537, 131072, 1u << 31, ~0u };
	struct machine m;
	int fd, i;

	start_c(&m, guest_cpuids, 10);
	for (i = 0; i < (int)ARRAY_SIZE(bad); i++)
		CHECK_ERR(trace_open(m.v.fd, bad[i]), EINVAL);
#define BAD(...) CHECK_ERR(ioctl(m.v.fd, WARREN_TRACE_OPEN, &(struct warren_trace_open){ __VA_ARGS__ }), EINVAL)
	BAD(.flags = 1);
	BAD(.flags = 1u << 31);
	BAD(.reserved = { 1 });
	BAD(.reserved = { 0, 1 });
	BAD(.vm = 1);
	BAD(.vcpu = 1);
#undef BAD
	CHECK_ERR(ioctl(m.v.fd, WARREN_TRACE_OPEN, 8), EFAULT);
	CHECK_ERR(ioctl(m.vm.fd, WARREN_TRACE_OPEN, &(struct warren_trace_open){ }), ENOTTY);
	CHECK_ERR(ioctl(m.v.fd, _IOC(_IOC_WRITE, WARREN_IO, 2, 16), &(struct warren_trace_open){ }), ENOTTY);

	/* The largest, and while it is there no other size. */
	fd = CHECK_OK(trace_open(m.v.fd, 65536));
	CHECK_ERR(trace_open(m.v.fd, 64), EBUSY);
	CHECK_ERR(trace_open(m.v.fd, 63), EINVAL);
	close(CHECK_OK(trace_open(m.v.fd, 0)));
	close(CHECK_OK(trace_open(m.v.fd, 65536)));
	close(fd);
	close(CHECK_OK(trace_open(m.v.fd, 64)));
	CHECK(fcntl(CHECK_OK(trace_open(m.v.fd, 64)), F_GETFD) & FD_CLOEXEC);
	EXPECT_DONE(&m.v);
}

TEST(no_descriptors_left)
{
	struct rlimit limit;
	struct machine m;
	int fd, i;

	start_c(&m, guest_cpuids, 10);
	fd = dup(0);
	close(fd);
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = fd;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 100; i++)
		CHECK_ERR(trace_open(m.v.fd, 65536), EMFILE);
	limit.rlim_cur = limit.rlim_max;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	/* Nothing was left behind. */
	CHECK_OK(trace_open(m.v.fd, 64));
	EXPECT_DONE(&m.v);
}

static void open_elsewhere(void *arg)
{
	struct machine *m = arg;

	CHECK_ERR(trace_open(m->v.fd, 0), EIO);
}

/* A vCPU's file is its creator's; a ring's can be given away. */
TEST(other_process)
{
	struct machine m;
	struct ring r;

	start_c(&m, guest_cpuids, 10);
	CHECK(in_child(open_elsewhere, &m));
	ring_open(&r, &m.v, 64);
	CHECK_EQ(fate(touch, (void *)r.entries), 0);
	EXPECT_DONE(&m.v);
}

/* By number, on the device: result and errno are the caller's. */
static int open_by_id(int dev, u32 vm, u32 vcpu)
{
	return ioctl(dev, WARREN_TRACE_OPEN, &(struct warren_trace_open){ .vm = vm, .vcpu = vcpu, .entries = 64 });
}

static u32 vm_id(struct vm *vm)
{
	struct warren_vm_info info;

	CHECK_OK(ioctl(vm->fd, WARREN_GET_VM_INFO, &info));
	return info.id;
}

struct asked {
	int dev;
	u32 id;
	uid_t uid;
	int unshared;		/* CLONE_NEW* */
	bool may;
};

/* As some user, in a process of its own */
static void ask(void *arg)
{
	struct asked *a = arg;

	if (a->uid)
		CHECK_OK(setresuid(a->uid, a->uid, a->uid));
	/* Not every kernel has namespaces, or lets everybody make them. */
	if (a->unshared && unshare(a->unshared))
		_exit(0);
	if (a->may)
		CHECK_OK(open_by_id(a->dev, a->id, 0));
	else
		CHECK_ERR(open_by_id(a->dev, a->id, 0), ENOENT);
}

#define ASK(...) CHECK(in_child(ask, &(struct asked){ __VA_ARGS__ }))

TEST(by_number)
{
	struct machine m;
	struct ring r;
	u32 id;

	start_c(&m, guest_cpuids, 10);
	id = vm_id(&m.vm);
	CHECK(id);
	ring_map(&r, CHECK_OK(open_by_id(m.vm.dev, id, 0)));
	CHECK_EQ(r.head->vm, id);
	CHECK_EQ(r.head->vcpu, 0);
	CHECK_ERR(trace_open(m.v.fd, 128), EBUSY);
	CHECK_ERR(open_by_id(m.vm.dev, id, 1), ENOENT);
	CHECK_ERR(open_by_id(m.vm.dev, id, ~0u), ENOENT);
	CHECK_ERR(open_by_id(m.vm.dev, 0, 0), ENOENT);
	CHECK_ERR(open_by_id(m.vm.dev, ~0u, 0), ENOENT);
	CHECK_ERR(ioctl(m.vm.dev, WARREN_TRACE_OPEN, &(struct warren_trace_open){ .vm = id, .flags = 1 }), EINVAL);
	CHECK_ERR(ioctl(m.vm.dev, WARREN_TRACE_OPEN, &(struct warren_trace_open){ .vm = id, .entries = 65 }), EINVAL);
	CHECK_ERR(ioctl(m.vm.dev, WARREN_TRACE_OPEN, 8), EFAULT);
	EXPECT_DONE(&m.v);
	CHECK(head_of(&r) >= 10);
	/* A ring keeps no VM. */
	vcpu_free(&m.v);
	close(m.vm.fd);
	CHECK_EQ(r.head->ended, 1);
	CHECK_ERR(open_by_id(m.vm.dev, id, 0), ENOENT);
}

/* The superuser's VM, asked for by him and by others */
TEST(rights)
{
	struct machine m;
	u32 id;

	start_c(&m, guest_cpuids, 10);
	id = vm_id(&m.vm);
	ASK(m.vm.dev, id, .may = true);
	ASK(m.vm.dev, id, .uid = 65534);
	/* Superuser in a user namespace of his own making */
	ASK(m.vm.dev, id, .uid = 65534, .unshared = CLONE_NEWUSER);
	ASK(m.vm.dev, id, .unshared = CLONE_NEWNET);
	EXPECT_DONE(&m.v);
}

/* A user runs a VM until he is killed, and says its number. */
static void user_runs(int out)
{
	struct machine m;
	u32 id;

	CHECK_OK(setresuid(65534, 65534, 65534));
	start_c(&m, guest_is_busy, 0);
	id = vm_id(&m.vm);
	CHECK_EQ(write(out, &id, sizeof(id)), sizeof(id));
	vcpu_run(&m.v);
}

/* A user's VM: his other processes may look and root may, nobody else. It is killed while it is looked at. */
TEST(rights_users)
{
	int fd[2], dev, status;
	struct pollfd p;
	struct ring r;
	pid_t pid;
	u32 id;

	need_warren();
	dev = open_device();
	CHECK_OK(chmod(device_path(), 0666));
	CHECK_OK(pipe(fd));
	pid = fork();
	if (!pid) {
		user_runs(fd[1]);
		_exit(1);
	}
	close(fd[1]);
	CHECK_EQ(read(fd[0], &id, sizeof(id)), sizeof(id));
	ASK(dev, id, .may = true);
	ASK(dev, id, .uid = 65534, .may = true);
	ASK(dev, id, .uid = 65533);
	ring_map(&r, CHECK_OK(open_by_id(dev, id, 0)));
	wait_for_more(&r);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	p = (struct pollfd){ .fd = r.fd };
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents, POLLHUP);
	CHECK_ERR(open_by_id(dev, id, 0), ENOENT);
}
