// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that is not plain memory of the host: pages of 1 GiB, firmware, registers of a device.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define GiB (1ul << 30)
#define GPA_1G GiB
#define GPA_T 0x10000000ul
#define BIOS 0xf0000ul
#define BIOS_SIZE 0x10000ul
/* The SATA controller of the emulated chipset; no driver has it. */
#define SATA_BAR "/sys/bus/pci/devices/0000:00:1f.2/resource5"

#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26)
#endif

struct machine {
	struct vm vm;
	struct vcpu v;
};

enum { OP_TOUCH = 1, OP_READ, OP_WRITE, OP_SUM };

static struct {
	volatile u64 op, addr, value, end, step;
} order;

static void guest_obeys(u64 arg)
{
	u64 addr, sum;

	(void)arg;
	for (;;) {
		switch (order.op) {
		case OP_TOUCH:
			for (addr = order.addr; addr < order.end; addr += order.step)
				*(volatile u64 *)addr = addr + order.value;
			break;
		case OP_READ:
			order.value = *(volatile u32 *)order.addr;
			break;
		case OP_WRITE:
			*(volatile u32 *)order.addr = order.value;
			break;
		case OP_SUM:
			for (addr = order.addr, sum = 0; addr < order.end; addr += 4)
				sum = sum * 31 + *(volatile u32 *)addr;
			order.value = sum;
		}
		guest_sync(1);
	}
}

static void start(struct machine *m)
{
	vm_init(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_long(&m->v, guest_obeys, 0);
}

static void give(struct machine *m, u64 op, u64 addr, u64 end, u64 step, u64 value)
{
	GUEST_VAR(&m->vm, order.op) = op;
	GUEST_VAR(&m->vm, order.addr) = addr;
	GUEST_VAR(&m->vm, order.end) = end;
	GUEST_VAR(&m->vm, order.step) = step;
	GUEST_VAR(&m->vm, order.value) = value;
}

static u64 obey(struct machine *m)
{
	EXPECT_SYNC(&m->v, 1);
	return GUEST_VAR(&m->vm, order.value);
}

static void touch(struct machine *m, u64 addr, u64 end, u64 step, u64 value)
{
	give(m, OP_TOUCH, addr, end, step, value);
	obey(m);
}

static void *gigantic_page(void)
{
	void *p = mmap(NULL, GiB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);

	if (p == MAP_FAILED)
		SKIP("the host has no page of 1 GiB (hugepagesz=1G hugepages=1)");
	return p;
}

/* Counts the stage-2 faults of this process by a probe at the function that serves them; -1 where there are no probes. */
static int fault_counter(void)
{
	const char *function = is_kvm() ? "kvm_mmu_page_fault" : "wr_mmu_fault";
	struct perf_event_attr a = { .size = sizeof(a), .config1 = (uintptr_t)function };
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "r");

	if (!f || fscanf(f, "%u", &a.type) != 1)
		return -1;
	fclose(f);
	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static u64 faults(int fd)
{
	u64 n;

	CHECK_EQ(read(fd, &n, sizeof(n)), sizeof(n));
	return n;
}

static void expect_words(const u8 *p, u64 step, u64 value)
{
	u64 at;

	for (at = 0; at < GiB; at += step)
		CHECK_EQ(*(u64 *)(p + at), GPA_1G + at + value);
}

/* One leaf maps it all: 512 places 2 MiB apart cost one fault, which may be tried twice. */
TEST(one_leaf_of_1g)
{
	struct machine m;
	int fd = fault_counter();
	u64 before;
	u8 *p;

	if (fd < 0)
		SKIP("no probes");
	start(&m);
	p = gigantic_page();
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_1G, GiB, p));
	*(volatile u8 *)p = 1;
	touch(&m, VM_MEMORY - PAGE, VM_MEMORY, PAGE, 0);
	before = faults(fd);
	touch(&m, GPA_1G, GPA_1G + GiB, PAGE_2M, 5);
	CHECK(faults(fd) - before <= 2);
	expect_words(p, PAGE_2M, 5);
}

/* In a slot that does not hold all of it, or holds it shifted, no such leaf may be made: its neighbours would show. */
TEST(part_of_1g)
{
	struct machine m;
	u8 *p;

	start(&m);
	p = gigantic_page();
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_1G, GiB - PAGE_2M, p));
	touch(&m, GPA_1G, GPA_1G + GiB - PAGE_2M, 8 * PAGE_2M, 9);
	CHECK_EQ(*(u64 *)(p + 16 * PAGE_2M), GPA_1G + 16 * PAGE_2M + 9);
	give(&m, OP_WRITE, GPA_1G + GiB - PAGE_2M, 0, 0, 3);
	EXPECT_MMIO(&m.v, GPA_1G + GiB - PAGE_2M, 4, true);
	obey(&m);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, 0, 0, NULL));
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_1G, GiB - PAGE_2M, p + PAGE_2M));
	touch(&m, GPA_1G, GPA_1G + GiB - PAGE_2M, 8 * PAGE_2M, 11);
	CHECK_EQ(*(u64 *)(p + PAGE_2M), GPA_1G + 11);
	CHECK_EQ(*(u64 *)(p + 17 * PAGE_2M), GPA_1G + 16 * PAGE_2M + 11);
}

static u64 dirty_pages(struct machine *m, u64 *log)
{
	struct kvm_dirty_log d = { .slot = SLOT_TEST, .dirty_bitmap = log };
	u64 i, n = 0;

	CHECK_OK(ioctl(m->vm.fd, KVM_GET_DIRTY_LOG, &d));
	for (i = 0; i < GiB / PAGE / 64; i++)
		n += __builtin_popcountll(log[i]);
	return n;
}

static bool dirty(const u64 *log, u64 page)
{
	return log[page / 64] >> (page % 64) & 1;
}

/* Dirty logging tells 4 KiB apart in a page that one leaf mapped, loses nothing, and one leaf maps it again afterwards. */
TEST(dirty_log_of_1g)
{
	u64 *log = calloc(GiB / PAGE / 64, 8);
	struct machine m;
	u8 *p;

	start(&m);
	p = gigantic_page();
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_1G, GiB, p));
	touch(&m, GPA_1G, GPA_1G + GiB, PAGE_2M, 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_LOG_DIRTY_PAGES, GPA_1G, GiB, p));
	CHECK_EQ(dirty_pages(&m, log), 0);
	give(&m, OP_READ, GPA_1G + 7 * PAGE_2M, 0, 0, 0);
	CHECK_EQ(obey(&m), (u32)(GPA_1G + 7 * PAGE_2M + 1));
	CHECK_EQ(dirty_pages(&m, log), 0);
	touch(&m, GPA_1G + 3 * PAGE, GPA_1G + 4 * PAGE, PAGE, 2);
	touch(&m, GPA_1G + GiB - PAGE, GPA_1G + GiB, PAGE, 2);
	CHECK_EQ(dirty_pages(&m, log), 2);
	CHECK(dirty(log, 3) && dirty(log, GiB / PAGE - 1));
	CHECK_EQ(*(u64 *)(p + 3 * PAGE), GPA_1G + 3 * PAGE + 2);
	CHECK_EQ(*(u64 *)(p + GiB - PAGE), GPA_1G + GiB - PAGE + 2);
	/* Written again after the log was taken: seen again. */
	touch(&m, GPA_1G + 3 * PAGE, GPA_1G + 4 * PAGE, PAGE, 3);
	CHECK_EQ(dirty_pages(&m, log), 1);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_1G, GiB, p));
	touch(&m, GPA_1G, GPA_1G + GiB, PAGE_2M, 4);
	expect_words(p, PAGE_2M, 4);
	CHECK_EQ(*(u64 *)(p + 3 * PAGE), GPA_1G + 3 * PAGE + 3);
}

static const u32 *map_bios(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	void *p;

	if (fd < 0)
		SKIP("no /dev/mem");
	p = mmap(NULL, BIOS_SIZE, PROT_READ, MAP_SHARED, fd, BIOS);
	if (p == MAP_FAILED)
		SKIP("the firmware cannot be mapped: %s", strerror(errno));
	return p;
}

static u64 sum_of(const u32 *p, u64 size)
{
	u64 i, sum = 0;

	for (i = 0; i < size / 4; i++)
		sum = sum * 31 + p[i];
	return sum;
}

/* No struct page stands for it as far as the kernel is concerned (VM_PFNMAP): the guest reads what the host does. */
TEST(firmware_is_read)
{
	const u32 *p = map_bios();
	struct machine m;

	start(&m);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, KVM_MEM_READONLY, GPA_T, BIOS_SIZE, (void *)p));
	give(&m, OP_SUM, GPA_T, GPA_T + BIOS_SIZE, 0, 0);
	CHECK_EQ(obey(&m), sum_of(p, BIOS_SIZE));
	/* A write to a read-only slot is a device's affair. */
	give(&m, OP_WRITE, GPA_T + 16, 0, 0, 7);
	EXPECT_MMIO(&m.v, GPA_T + 16, 4, true);
	obey(&m);
	give(&m, OP_SUM, GPA_T, GPA_T + BIOS_SIZE, 0, 0);
	CHECK_EQ(obey(&m), sum_of(p, BIOS_SIZE));
}

/* The slot may be written, the host's mapping may not: as the VMM's own write, the guest's ends in a fault. */
TEST(firmware_is_not_written)
{
	const u32 *p = map_bios();
	struct machine m;

	start(&m);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, BIOS_SIZE, (void *)p));
	give(&m, OP_READ, GPA_T + BIOS_SIZE - 16, 0, 0, 0);
	CHECK_EQ(obey(&m), p[BIOS_SIZE / 4 - 4]);
	give(&m, OP_WRITE, GPA_T + 16, 0, 0, 7);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, 0, (void *)p));
	EXPECT_MMIO(&m.v, GPA_T + 16, 4, true);
	obey(&m);
}

/* Registers of a device: reads and writes get there, and the mapping goes when its owner's does. */
TEST(device_registers)
{
	int fd = open(SATA_BAR, O_RDWR);
	volatile u32 *p;
	struct machine m;
	u32 list;

	if (fd < 0)
		SKIP("no such device");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		SKIP("its registers cannot be mapped: %s", strerror(errno));
	start(&m);
	CHECK_OK(set_slot(&m.vm, SLOT_TEST, 0, GPA_T, PAGE, (void *)p));
	give(&m, OP_READ, GPA_T, 0, 0, 0);
	CHECK_EQ(obey(&m), p[0]);
	give(&m, OP_READ, GPA_T + 16, 0, 0, 0);
	CHECK_EQ(obey(&m), p[4]);
	/* Port 0's command list: a register that keeps what it is given, less its low bits. */
	list = p[0x40];
	give(&m, OP_WRITE, GPA_T + 0x100, 0, 0, 0x12345000 ^ (list & ~0xfffu));
	obey(&m);
	CHECK_EQ(p[0x40], 0x12345000 ^ (list & ~0xfffu));
	p[0x40] = list;
	CHECK_OK(munmap((void *)p, PAGE));
	give(&m, OP_READ, GPA_T, 0, 0, 0);
	CHECK_ERR(vcpu_run_raw(&m.v), EFAULT);
}
