// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest sees the host's mapping as it is now: what the owner discards, remaps, protects,
 * truncates or shares copy-on-write changes under the guest as it changes under the owner.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define GPA_T 0x10000000ul
#define SIZE (4 * MiB)

struct machine {
	struct vm vm;
	struct vcpu v;
	u8 *p;
};

static struct {
	volatile u64 op, addr, value;
} order;

static void guest_obeys(u64 arg)
{
	(void)arg;
	for (;;) {
		if (order.op)
			*(volatile u64 *)order.addr = order.value;
		else
			order.value = *(volatile u64 *)order.addr;
		guest_sync(1);
	}
}

static void start(struct machine *m, u8 *p)
{
	m->p = p;
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_long(&m->v, guest_obeys, 0);
	CHECK_OK(set_slot(&m->vm, SLOT_TEST, 0, GPA_T, SIZE, p));
}

static u64 guest_read(struct machine *m, u64 offset)
{
	GUEST_VAR(&m->vm, order.op) = 0;
	GUEST_VAR(&m->vm, order.addr) = GPA_T + offset;
	EXPECT_SYNC(&m->v, 1);
	return GUEST_VAR(&m->vm, order.value);
}

static void order_write(struct machine *m, u64 offset, u64 value)
{
	GUEST_VAR(&m->vm, order.op) = 1;
	GUEST_VAR(&m->vm, order.addr) = GPA_T + offset;
	GUEST_VAR(&m->vm, order.value) = value;
}

static void guest_write(struct machine *m, u64 offset, u64 value)
{
	order_write(m, offset, value);
	EXPECT_SYNC(&m->v, 1);
}

static void start_anon(struct machine *m, bool huge)
{
	u8 *p = host_alloc(SIZE, PAGE_2M);

	madvise(p, SIZE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	start(m, p);
}

static void discard(bool huge)
{
	struct machine m;
	u64 i;

	start_anon(&m, huge);
	for (i = 0; i < SIZE; i += PAGE_2M)
		guest_write(&m, i + 8, 5);
	CHECK_EQ(*(u64 *)(m.p + 8), 5);
	CHECK_OK(madvise(m.p, SIZE, MADV_DONTNEED));
	for (i = 0; i < SIZE; i += PAGE_2M)
		CHECK_EQ(guest_read(&m, i + 8), 0);
	guest_write(&m, 8, 6);
	CHECK_EQ(*(u64 *)(m.p + 8), 6);
}

TEST(madvise_dontneed) { discard(false); }
TEST(madvise_dontneed_huge) { discard(true); }

/* Part of a huge page goes: the rest stays as it was. */
TEST(split_of_a_huge_page)
{
	struct machine m;

	start_anon(&m, true);
	guest_write(&m, 0, 1);
	guest_write(&m, 9 * PAGE, 2);
	guest_write(&m, 10 * PAGE, 3);
	CHECK_OK(madvise(m.p + 9 * PAGE, PAGE, MADV_DONTNEED));
	CHECK_EQ(guest_read(&m, 0), 1);
	CHECK_EQ(guest_read(&m, 9 * PAGE), 0);
	CHECK_EQ(guest_read(&m, 10 * PAGE), 3);
}

TEST(remap)
{
	struct machine m;

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	CHECK(mmap(m.p, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == m.p);
	CHECK_EQ(guest_read(&m, PAGE), 0);
	*(u64 *)(m.p + PAGE) = 9;
	CHECK_EQ(guest_read(&m, PAGE), 9);
}

TEST(mremap_swaps_pages)
{
	struct machine m;
	u8 *other = host_alloc(PAGE, PAGE);

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	*(u64 *)other = 77;
	CHECK(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m.p + PAGE) == m.p + PAGE);
	CHECK_EQ(guest_read(&m, PAGE), 77);
}

TEST(unmap)
{
	struct machine m;

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	CHECK_OK(munmap(m.p + PAGE, PAGE));
	order_write(&m, PAGE, 2);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	order_write(&m, 2 * PAGE, 2);
}

TEST(mprotect_read_only)
{
	struct machine m;

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	CHECK_OK(mprotect(m.p, SIZE, PROT_READ));
	CHECK_EQ(guest_read(&m, PAGE), 1);
	order_write(&m, PAGE, 2);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 1);
	CHECK_OK(mprotect(m.p, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 2);
}

TEST(mprotect_none)
{
	struct machine m;

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	CHECK_OK(mprotect(m.p, SIZE, PROT_NONE));
	order_write(&m, PAGE, 2);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	CHECK_OK(mprotect(m.p, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 2);
}

static int memfd(size_t size)
{
	int fd = CHECK_OK(memfd_create("guest", MFD_CLOEXEC));

	CHECK_OK(ftruncate(fd, size));
	return fd;
}

static void start_memfd(struct machine *m, int fd, int share)
{
	u8 *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, share, fd, 0);

	CHECK(p != MAP_FAILED);
	start(m, p);
}

TEST(memfd_shared)
{
	int fd = memfd(SIZE);
	struct machine m;
	u64 x = 31;

	start_memfd(&m, fd, MAP_SHARED);
	guest_write(&m, PAGE, 17);
	CHECK_EQ(pread(fd, &x, 8, PAGE), 8);
	CHECK_EQ(x, 17);
	x = 18;
	CHECK_EQ(pwrite(fd, &x, 8, PAGE), 8);
	CHECK_EQ(guest_read(&m, PAGE), 18);
}

/* Private: the guest reads the file's page until its first write makes a copy. */
TEST(memfd_private)
{
	int fd = memfd(SIZE);
	struct machine m;
	u64 x = 31;

	CHECK_EQ(pwrite(fd, &x, 8, PAGE), 8);
	start_memfd(&m, fd, MAP_PRIVATE);
	CHECK_EQ(guest_read(&m, PAGE), 31);
	x = 32;
	CHECK_EQ(pwrite(fd, &x, 8, PAGE), 8);
	CHECK_EQ(guest_read(&m, PAGE), 32);
	guest_write(&m, PAGE, 33);
	CHECK_EQ(pread(fd, &x, 8, PAGE), 8);
	CHECK_EQ(x, 32);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 33);
	CHECK_EQ(guest_read(&m, PAGE), 33);
}

TEST(memfd_truncated)
{
	int fd = memfd(SIZE);
	struct machine m;

	start_memfd(&m, fd, MAP_SHARED);
	guest_write(&m, PAGE, 17);
	CHECK_OK(ftruncate(fd, 0));
	order_write(&m, PAGE, 18);
	CHECK(vcpu_run_raw(&m.v) == -1);
	CHECK(errno == EFAULT || errno == EHWPOISON);
	CHECK_OK(ftruncate(fd, SIZE));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 18);
	CHECK_EQ(guest_read(&m, PAGE + 8), 0);
}

TEST(memfd_hole_punched)
{
	int fd = memfd(SIZE);
	struct machine m;

	start_memfd(&m, fd, MAP_SHARED);
	guest_write(&m, PAGE, 17);
	guest_write(&m, 2 * PAGE, 18);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
	CHECK_EQ(guest_read(&m, PAGE), 0);
	CHECK_EQ(guest_read(&m, 2 * PAGE), 18);
}

/* After fork() both sides share pages: the guest's write must not be the child's. */
TEST(fork_copies_on_write)
{
	struct machine m;
	int to[2], from[2], status;
	char c = 0;
	pid_t pid;

	start_anon(&m, false);
	guest_write(&m, PAGE, 1);
	CHECK_OK(pipe(to));
	CHECK_OK(pipe(from));
	pid = CHECK_OK(fork());
	if (!pid) {
		if (read(to[0], &c, 1) != 1)
			_exit(2);
		_exit(*(u64 *)(m.p + PAGE) != 1);
	}
	guest_write(&m, PAGE, 2);
	CHECK_EQ(write(to[1], &c, 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 2);
	CHECK_EQ(guest_read(&m, PAGE), 2);
}

/* The zero page is only read; the first write brings a page of one's own. */
TEST(zero_page)
{
	struct machine m;

	start_anon(&m, false);
	CHECK_EQ(guest_read(&m, PAGE), 0);
	CHECK_EQ(*(volatile u64 *)(m.p + PAGE), 0);
	CHECK_EQ(guest_read(&m, PAGE), 0);
	guest_write(&m, PAGE, 4);
	CHECK_EQ(*(u64 *)(m.p + PAGE), 4);
	*(u64 *)(m.p + 2 * PAGE) = 5;
	CHECK_EQ(guest_read(&m, 2 * PAGE), 5);
}

/* A read by the guest maps the zero page, a write by the host replaces it. */
TEST(host_write_after_guest_read)
{
	struct machine m;

	start_anon(&m, false);
	CHECK_EQ(guest_read(&m, 3 * PAGE), 0);
	*(volatile u64 *)(m.p + 3 * PAGE) = 6;
	CHECK_EQ(guest_read(&m, 3 * PAGE), 6);
}

struct churn {
	u8 *p;
	volatile bool stop;
};

static void *churns(void *arg)
{
	struct churn *c = arg;
	u32 i = 0;

	while (!c->stop) {
		switch (i++ % 3) {
		case 0:
			madvise(c->p, SIZE, MADV_DONTNEED);
			break;
		case 1:
			mprotect(c->p, SIZE, PROT_READ);
			mprotect(c->p, SIZE, PROT_READ | PROT_WRITE);
			break;
		default:
			if (mmap(c->p, SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != c->p)
				FAIL("mmap: %s", strerror(errno));
		}
		usleep(200);
	}
	return NULL;
}

static void guest_writes_everywhere(u64 arg)
{
	u64 i, j;

	for (i = 0; i < arg; i++) {
		for (j = 0; j < SIZE; j += 8 * PAGE)
			*(volatile u64 *)(GPA_T + j) = i;
		guest_sync(1);
	}
	guest_done();
}

/* The mapping changes while the guest writes: nothing is lost but what the owner discards. */
TEST(churn_while_running)
{
	struct churn c = { };
	struct machine m;
	u64 i = 0, n = test_scale(60);
	pthread_t t;

	start_anon(&m, false);
	vcpu_long(&m.v, guest_writes_everywhere, n);
	c.p = m.p;
	CHECK_EQ(pthread_create(&t, NULL, churns, &c), 0);
	while (i < n) {
		if (vcpu_run_raw(&m.v)) {
			/* The window of PROT_READ: the same instruction again. */
			CHECK(errno == EFAULT || errno == EINTR);
			continue;
		}
		CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
		CHECK_EQ(m.v.run->io.port, UCALL_PORT);
		i++;
	}
	c.stop = true;
	pthread_join(t, NULL);
	EXPECT_DONE(&m.v);
}

/* The owner's memory map goes away (exit) while vCPU and VM fds are still held elsewhere. */
TEST(owner_exits_first)
{
	struct machine m;
	int status;
	pid_t pid;

	pid = CHECK_OK(fork());
	if (!pid) {
		start_anon(&m, false);
		guest_write(&m, PAGE, 1);
		if (fork() == 0) {
			/* Holds copies of the fds after the owner's end. */
			usleep(200000);
			CHECK_ERR(ioctl(m.v.fd, KVM_RUN, 0ul), EIO);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	usleep(400000);
}
