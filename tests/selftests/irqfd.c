// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds on both sides: KVM_IRQFD, KVM_IOEVENTFD; and the coalesced-write ring. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	if (fn)
		vcpu_long(&m->v, fn, arg);
}

static int event(void)
{
	return CHECK_OK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static void signal_event(int fd)
{
	u64 one = 1;

	CHECK_EQ(write(fd, &one, 8), 8);
}

/* The count since the last call; 0 for none. */
static u64 drain(int fd)
{
	u64 n = 0;

	return read(fd, &n, 8) == 8 ? n : 0;
}

static int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd i = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(vm->fd, KVM_IRQFD, &i);
}

static volatile u32 count, last;

static void on_irq(struct guest_frame *f)
{
	last = f->vector;
	count++;
	apic_eoi();
}

static void guest_edge(u64 arg)
{
	guest_handler[0x70] = on_irq;
	apic_on();
	ioapic_route(arg, 0x70, 0);
	guest_sync(1);
	while (count < 1)
		sti_hlt_cli();
	guest_sync(2);
	while (count < 2)
		sti_hlt_cli();
	guest_done();
}

TEST(irqfd_edge)
{
	struct machine m;
	int fd = event();

	start(&m, guest_edge, 20);
	CHECK_OK(irqfd(&m.vm, fd, 20, 0, 0));
	EXPECT_SYNC(&m.v, 1);
	signal_event(fd);
	EXPECT_SYNC(&m.v, 2);
	vcpu_start(&m.v);
	sleep_ms(30);
	signal_event(fd);
	vcpu_join(&m.v);
}

/* Signalled before it was assigned: counts. */
TEST(irqfd_already_signalled)
{
	struct machine m;
	int fd = event();

	start(&m, guest_edge, 20);
	EXPECT_SYNC(&m.v, 1);
	signal_event(fd);
	CHECK_OK(irqfd(&m.vm, fd, 20, 0, 0));
	EXPECT_SYNC(&m.v, 2);
}

static void guest_polls(u64 arg)
{
	u32 i;

	guest_handler[0x70] = on_irq;
	apic_on();
	ioapic_route(arg, 0x70, 0);
	guest_sync(1);
	sti();
	for (i = 0; i < 1000; i++)
		cpu_relax();
	cli();
	GUEST_EQ(count, 0);
	guest_done();
}

TEST(irqfd_deassigned)
{
	struct machine m;
	int fd = event();

	start(&m, guest_polls, 20);
	CHECK_OK(irqfd(&m.vm, fd, 20, 0, 0));
	CHECK_OK(irqfd(&m.vm, fd, 20, KVM_IRQFD_FLAG_DEASSIGN, 0));
	EXPECT_SYNC(&m.v, 1);
	signal_event(fd);
	EXPECT_DONE(&m.v);
	CHECK_EQ(drain(fd), 1);
}

static void guest_level(u64 arg)
{
	guest_handler[0x70] = on_irq;
	apic_on();
	ioapic_route(arg, 0x70 | IOAPIC_LEVEL, 0);
	guest_sync(1);
	while (!count)
		sti_hlt_cli();
	guest_done();
}

/* The line falls at the EOI, and the device is told so. */
TEST(irqfd_resample)
{
	struct machine m;
	int fd = event(), re = event();

	start(&m, guest_level, 21);
	CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_RESAMPLE, re));
	EXPECT_SYNC(&m.v, 1);
	signal_event(fd);
	CHECK_EQ(drain(re), 0);
	EXPECT_DONE(&m.v);
	CHECK_EQ(drain(re), 1);
	CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_DEASSIGN, 0));
}

static void guest_levels(u64 n)
{
	u32 i;

	guest_handler[0x70] = on_irq;
	apic_on();
	ioapic_route(21, 0x70 | IOAPIC_LEVEL, 0);
	for (i = 1; i <= n; i++) {
		guest_sync(i);
		while (count < i)
			sti_hlt_cli();
	}
	guest_done();
}

/* Two devices of that line share the eventfd by which they are told, and it is signalled once; until none of them is left. */
TEST(irqfd_resamplers_of_one_eventfd)
{
	int fd[3], re = event(), own = event(), i;
	struct machine m;

	start(&m, guest_levels, 3);
	for (i = 0; i < 3; i++) {
		fd[i] = event();
		CHECK_OK(irqfd(&m.vm, fd[i], 21, KVM_IRQFD_FLAG_RESAMPLE, i < 2 ? re : own));
	}
	EXPECT_SYNC(&m.v, 1);
	signal_event(fd[2]);
	EXPECT_SYNC(&m.v, 2);
	CHECK_EQ(drain(re), is_kvm() ? 2 : 1);
	CHECK_EQ(drain(own), 1);
	for (i = 0; i < 2; i++) {
		CHECK_OK(irqfd(&m.vm, fd[i], 21, KVM_IRQFD_FLAG_DEASSIGN, 0));
		signal_event(fd[2]);
		if (i == 0)
			EXPECT_SYNC(&m.v, 3);
		else
			EXPECT_DONE(&m.v);
		CHECK_EQ(drain(re), !i);
		CHECK_EQ(drain(own), 1);
	}
}

#define RESAMPLERS_MAX	1024

/* An acknowledge looks at all of them. */
TEST(irqfd_too_many_resamplers)
{
	struct rlimit limit = { 2 * RESAMPLERS_MAX, 2 * RESAMPLERS_MAX };
	int re = event(), fd = -1, i;
	struct machine m;

	if (is_kvm())
		SKIP("KVM has no limit");
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	start(&m, NULL, 0);
	for (i = 0; i < RESAMPLERS_MAX; i++) {
		fd = event();
		CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_RESAMPLE, re));
	}
	CHECK_ERR(irqfd(&m.vm, event(), 21, KVM_IRQFD_FLAG_RESAMPLE, re), ENOSPC);
	CHECK_OK(irqfd(&m.vm, event(), 21, 0, 0));
	CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_DEASSIGN, 0));
	CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_RESAMPLE, re));
}

#define SLOW_GPA	0x40000000ull

static void guest_reads(u64 gpa)
{
	GUEST_EQ(*(volatile u64 *)gpa, 0);
	guest_done();
}

/* Memory that is there when somebody says so: returns who is asked, or -1. */
static int slow_memory(void *hva)
{
	struct uffdio_register range = {
		.range = { (uintptr_t)hva, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	CHECK_OK(ioctl(fd, UFFDIO_API, &api));
	CHECK_OK(ioctl(fd, UFFDIO_REGISTER, &range));
	return fd;
}

struct other_vm {
	int fd;
	struct machine m;
	volatile bool ended;
};

static void *ends_other_vm(void *arg)
{
	struct other_vm *other = arg;

	CHECK_OK(irqfd(&other->m.vm, other->fd, 20, KVM_IRQFD_FLAG_DEASSIGN, 0));
	vcpu_free(&other->m.v);
	vm_free(&other->m.vm);
	other->ended = true;
	return NULL;
}

/* A VM whose memory does not come for long keeps no other VM from ending its irqfds, nor its own from new routes. */
TEST(irqfd_beside_slow_memory)
{
	struct kvm_irq_routing routes = {};
	struct uffdio_zeropage zero;
	struct other_vm other = {};
	int fd = event(), uffd, i;
	struct pollfd asked;
	struct machine m;
	pthread_t thread;
	void *slow;

	start(&m, guest_reads, SLOW_GPA);
	slow = vm_add_mem(&m.vm, 5, 0, SLOW_GPA, PAGE);
	uffd = slow_memory(slow);
	if (uffd < 0)
		SKIP("no userfaultfd");
	other.fd = event();
	start(&other.m, NULL, 0);
	CHECK_OK(irqfd(&other.m.vm, other.fd, 20, 0, 0));
	CHECK_OK(irqfd(&m.vm, fd, 21, KVM_IRQFD_FLAG_RESAMPLE, event()));
	vcpu_start(&m.v);
	asked = (struct pollfd) { uffd, POLLIN, 0 };
	CHECK_EQ(poll(&asked, 1, 10000), 1);
	/* Its irqfd goes by a hang-up: nobody waits for that here. */
	close(fd);
	CHECK_EQ(pthread_create(&thread, NULL, ends_other_vm, &other), 0);
	for (i = 0; i < 100 && !other.ended; i++)
		sleep_ms(100);
	zero = (struct uffdio_zeropage) { .range = { (uintptr_t)slow, PAGE } };
	CHECK_OK(ioctl(m.vm.fd, KVM_SET_GSI_ROUTING, &routes));
	CHECK_OK(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(thread, NULL);
	vcpu_join(&m.v);
	CHECK(i < 100);
}

TEST(irqfd_refusals)
{
	struct machine m;
	int fd = event(), pipes[2];

	start(&m, NULL, 0);
	CHECK_OK(pipe(pipes));
	CHECK_ERR(irqfd(&m.vm, fd, 20, 1u << 31, 0), EINVAL);
	CHECK_ERR(irqfd(&m.vm, 1000, 20, 0, 0), EBADF);
	CHECK_ERR(irqfd(&m.vm, pipes[0], 20, 0, 0), EINVAL);
	CHECK_ERR(irqfd(&m.vm, fd, 20, KVM_IRQFD_FLAG_RESAMPLE, 1000), EBADF);
	CHECK_OK(irqfd(&m.vm, fd, 20, 0, 0));
	CHECK_ERR(irqfd(&m.vm, fd, 21, 0, 0), EBUSY);
	CHECK_ERR(ioctl(m.vm.fd, KVM_IRQFD, NULL), EFAULT);
}

TEST(irqfd_without_irqchip)
{
	struct vm vm;
	int fd = event();

	vm_init(&vm);
	CHECK_ERR(irqfd(&vm, fd, 20, 0, 0), EINVAL);
}

/* Ends of life in the wrong order: the eventfd first, then the VM with it assigned. */
TEST(irqfd_outlived)
{
	struct machine m;
	int fd = event(), keep = event();

	start(&m, NULL, 0);
	CHECK_OK(irqfd(&m.vm, fd, 20, 0, 0));
	CHECK_OK(irqfd(&m.vm, keep, 21, 0, 0));
	close(fd);
	vcpu_free(&m.v);
	vm_free(&m.vm);
	signal_event(keep);
}

static int ioevent(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 match)
{
	struct kvm_ioeventfd e = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &e);
}

static void guest_writes_ports(u64 arg)
{
	u16 port = arg;

	asm volatile("outb %b0, %w1; outw %w0, %w1; outl %0, %w1" : : "a"(7), "d"(port));
	guest_sync(1);
	asm volatile("outb %b0, %w1; outw %w0, %w1; outl %0, %w1" : : "a"(8), "d"(port));
	guest_done();
}

TEST(ioeventfd_port_by_length)
{
	struct machine m;
	int fd[3] = { event(), event(), event() };
	u32 i;

	start(&m, guest_writes_ports, TEST_PORT);
	for (i = 0; i < 3; i++)
		CHECK_OK(ioevent(&m.vm, fd[i], TEST_PORT, 1 << i, KVM_IOEVENTFD_FLAG_PIO, 0));
	EXPECT_SYNC(&m.v, 1);
	for (i = 0; i < 3; i++)
		CHECK_EQ(drain(fd[i]), 1);
}

TEST(ioeventfd_port_of_any_length)
{
	struct machine m;
	int fd = event();

	start(&m, guest_writes_ports, TEST_PORT);
	CHECK_OK(ioevent(&m.vm, fd, TEST_PORT, 0, KVM_IOEVENTFD_FLAG_PIO, 0));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(drain(fd), 3);
}

TEST(ioeventfd_port_datamatch)
{
	struct machine m;
	int fd = event();

	start(&m, guest_writes_ports, TEST_PORT);
	CHECK_OK(ioevent(&m.vm, fd, TEST_PORT, 2, KVM_IOEVENTFD_FLAG_PIO |
			 KVM_IOEVENTFD_FLAG_DATAMATCH, 8));
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 2);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 4);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(drain(fd), 0);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 1);
	EXPECT_IO(&m.v, KVM_EXIT_IO_OUT, TEST_PORT, 4);
	CHECK_EQ(drain(fd), 1);
	EXPECT_DONE(&m.v);
}

static void guest_writes_mmio(u64 arg)
{
	*(volatile u8 *)arg = 7;
	*(volatile u16 *)arg = 7;
	*(volatile u32 *)arg = 7;
	*(volatile u64 *)arg = 7;
	guest_sync(1);
	(void)*(volatile u32 *)arg;
	guest_done();
}

TEST(ioeventfd_mmio_by_length)
{
	struct machine m;
	int fd[4] = { event(), event(), event(), event() };
	u32 i;

	start(&m, guest_writes_mmio, TEST_MMIO);
	for (i = 0; i < 4; i++)
		CHECK_OK(ioevent(&m.vm, fd[i], TEST_MMIO, 1 << i, 0, 0));
	EXPECT_SYNC(&m.v, 1);
	for (i = 0; i < 4; i++)
		CHECK_EQ(drain(fd[i]), 1);
	/* Reads are the VMM's. */
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, false);
	EXPECT_DONE(&m.v);
}

TEST(ioeventfd_mmio_of_any_length)
{
	struct machine m;
	int fd = event();

	start(&m, guest_writes_mmio, TEST_MMIO);
	CHECK_OK(ioevent(&m.vm, fd, TEST_MMIO, 0, 0, 0));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(drain(fd), 4);
}

TEST(ioeventfd_deassigned)
{
	struct machine m;
	int fd = event(), other = event();

	start(&m, guest_writes_mmio, TEST_MMIO);
	CHECK_OK(ioevent(&m.vm, fd, TEST_MMIO, 4, 0, 0));
	CHECK_ERR(ioevent(&m.vm, other, TEST_MMIO, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0), ENOENT);
	CHECK_ERR(ioevent(&m.vm, fd, TEST_MMIO, 2, KVM_IOEVENTFD_FLAG_DEASSIGN, 0), ENOENT);
	CHECK_OK(ioevent(&m.vm, fd, TEST_MMIO, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0));
	CHECK_ERR(ioevent(&m.vm, fd, TEST_MMIO, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0), ENOENT);
	EXPECT_MMIO(&m.v, TEST_MMIO, 1, true);
	EXPECT_MMIO(&m.v, TEST_MMIO, 2, true);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, true);
	CHECK_EQ(drain(fd), 0);
}

TEST(ioeventfd_refusals)
{
	struct vm vm;
	int fd = event(), other = event(), pipes[2];

	vm_init(&vm);
	CHECK_OK(pipe(pipes));
	CHECK_ERR(ioevent(&vm, fd, TEST_MMIO, 3, 0, 0), EINVAL);
	CHECK_ERR(ioevent(&vm, fd, TEST_MMIO, 16, 0, 0), EINVAL);
	CHECK_ERR(ioevent(&vm, fd, TEST_MMIO, 4, 1u << 31, 0), EINVAL);
	CHECK_ERR(ioevent(&vm, fd, -2ull, 4, 0, 0), EINVAL);
	CHECK_ERR(ioevent(&vm, fd, TEST_MMIO, 0, KVM_IOEVENTFD_FLAG_DATAMATCH, 0), EINVAL);
	CHECK_ERR(ioevent(&vm, 1000, TEST_MMIO, 4, 0, 0), EBADF);
	CHECK_ERR(ioevent(&vm, pipes[0], TEST_MMIO, 4, 0, 0), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_IOEVENTFD, NULL), EFAULT);
	CHECK_OK(ioevent(&vm, fd, TEST_MMIO, 4, 0, 0));
	CHECK_ERR(ioevent(&vm, other, TEST_MMIO, 4, 0, 0), EEXIST);
	CHECK_ERR(ioevent(&vm, other, TEST_MMIO, 4, KVM_IOEVENTFD_FLAG_DATAMATCH, 1), EEXIST);
	CHECK_OK(ioevent(&vm, other, TEST_MMIO + 4, 4, KVM_IOEVENTFD_FLAG_DATAMATCH, 1));
	CHECK_OK(ioevent(&vm, fd, TEST_MMIO + 4, 4, KVM_IOEVENTFD_FLAG_DATAMATCH, 2));
	vm_free(&vm);
	CHECK_EQ(drain(fd), 0);
}

static void guest_rings(u64 arg)
{
	u64 i;

	for (i = 0; i < arg; i++)
		writel(TEST_MMIO, i);
	guest_done();
}

/* A doorbell ends in a thread that waits: no exit on the way. */
TEST(ioeventfd_wakes_a_reader)
{
	u64 n = test_scale(100), seen = 0;
	struct pollfd p = { .events = POLLIN };
	struct machine m;

	p.fd = event();
	start(&m, guest_rings, n);
	CHECK_OK(ioevent(&m.vm, p.fd, TEST_MMIO, 4, 0, 0));
	vcpu_start(&m.v);
	while (seen < n) {
		CHECK_EQ(poll(&p, 1, 20000), 1);
		seen += drain(p.fd);
	}
	vcpu_join(&m.v);
	CHECK_EQ(seen, n);
}

static int zone(struct vm *vm, unsigned long cmd, u64 addr, u32 size, u32 pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return ioctl(vm->fd, cmd, &z);
}

static struct kvm_coalesced_mmio_ring *ring(struct machine *m)
{
	int page = check_ext(m->vm.dev, KVM_CAP_COALESCED_MMIO);

	CHECK((size_t)(page + 1) * PAGE <= m->v.run_size);
	return (void *)((u8 *)m->v.run + page * PAGE);
}

static void guest_writes_zone(u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		*(volatile u32 *)(TEST_MMIO + i % 4 * 4) = i + 100;
	guest_done();
}

TEST(coalesced_mmio)
{
	struct kvm_coalesced_mmio_ring *r;
	struct machine m;
	u32 i;

	start(&m, guest_writes_zone, 10);
	r = ring(&m);
	CHECK_OK(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_MMIO, 16, 0));
	EXPECT_DONE(&m.v);
	CHECK_EQ(r->last - r->first, 10);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(r->coalesced_mmio[i].phys_addr, TEST_MMIO + i % 4 * 4);
		CHECK_EQ(r->coalesced_mmio[i].len, 4);
		CHECK_EQ(*(u32 *)r->coalesced_mmio[i].data, i + 100);
		CHECK_EQ(r->coalesced_mmio[i].pio, 0);
	}
}

/* A full ring is the VMM's turn: the next write exits. */
TEST(coalesced_ring_full)
{
	struct kvm_coalesced_mmio_ring *r;
	struct machine m;

	start(&m, guest_writes_zone, 1000);
	r = ring(&m);
	CHECK_OK(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_MMIO, 16, 0));
	EXPECT_EXIT(&m.v, KVM_EXIT_MMIO);
	CHECK(r->last > 32);
	CHECK_EQ(*(u32 *)m.v.run->mmio.data, r->last + 100);
	r->first = r->last;
	EXPECT_EXIT(&m.v, KVM_EXIT_MMIO);
}

/* The ring is memory of the VMM, who may write nonsense there. */
TEST(coalesced_ring_corrupted)
{
	static const u32 values[] = { 0xffffffff, 0x80000000, 4096, 1000 };
	struct kvm_coalesced_mmio_ring *r;
	struct machine m;
	u32 i;

	start(&m, guest_writes_zone, 1000);
	r = ring(&m);
	CHECK_OK(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_MMIO, 16, 0));
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		r->first = values[i];
		r->last = values[(i + 1) % 4];
		EXPECT_EXIT(&m.v, KVM_EXIT_MMIO);
	}
}

TEST(coalesced_unregistered)
{
	struct machine m;

	start(&m, guest_writes_zone, 10);
	CHECK_OK(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_MMIO, 8, 0));
	EXPECT_MMIO(&m.v, TEST_MMIO + 8, 4, true);
	CHECK_OK(zone(&m.vm, KVM_UNREGISTER_COALESCED_MMIO, TEST_MMIO, 8, 0));
	EXPECT_MMIO(&m.v, TEST_MMIO + 12, 4, true);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, true);
}

TEST(coalesced_port)
{
	struct kvm_coalesced_mmio_ring *r;
	struct machine m;

	start(&m, guest_writes_ports, TEST_PORT);
	r = ring(&m);
	CHECK_OK(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_PORT, 4, 1));
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(r->last - r->first, 3);
	CHECK_EQ(r->coalesced_mmio[0].pio, 1);
	CHECK_EQ(r->coalesced_mmio[0].phys_addr, TEST_PORT);
	CHECK_EQ(r->coalesced_mmio[0].data[0], 7);
}

TEST(coalesced_refusals)
{
	struct machine m;

	start(&m, NULL, 0);
	CHECK_ERR(zone(&m.vm, KVM_REGISTER_COALESCED_MMIO, TEST_MMIO, 8, 2), EINVAL);
	CHECK_ERR(zone(&m.vm, KVM_UNREGISTER_COALESCED_MMIO, TEST_MMIO, 8, 2), EINVAL);
	CHECK_ERR(ioctl(m.vm.fd, KVM_REGISTER_COALESCED_MMIO, NULL), EFAULT);
	/* Nothing there: nothing to do. */
	CHECK_OK(zone(&m.vm, KVM_UNREGISTER_COALESCED_MMIO, TEST_MMIO, 8, 0));
}
