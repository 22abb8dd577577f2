// SPDX-License-Identifier: GPL-2.0-only
/* First touches of guest memory, the creation of VMs, and what an idle one holds of the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CGROUPS "/sys/fs/cgroup"
#define GPA_T 0x10000000ul

static void guest_touches_4k(u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		*(volatile u64 *)(GPA_T + i * PAGE) = 1;
	guest_done();
}

static void guest_touches_2m(u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		*(volatile u64 *)(GPA_T + i * PAGE_2M) = 1;
	guest_done();
}

/* Ticks per page for n pages of the host's memory, there before or not. */
static u64 touch(void (*fn)(u64), u64 n, u64 size, bool present)
{
	u8 *p = host_alloc(n * size, PAGE_2M);
	struct vcpu v;
	struct vm vm;
	u64 base, i;

	madvise(p, n * size, size == PAGE ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	for (i = 0; present && i < n * size; i += PAGE)
		p[i] = 1;
	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_long(&v, fn, 0);
	ticks_of_run(&v);
	vcpu_long(&v, fn, 0);
	base = ticks_of_run(&v);
	CHECK_OK(set_slot(&vm, SLOT_TEST, 0, GPA_T, n * size, p));
	vcpu_long(&v, fn, n);
	return (ticks_of_run(&v) - base) / n;
}

static u64 fault_4k_present(void)
{
	return touch(guest_touches_4k, 4096, PAGE, true);
}

static u64 fault_4k_absent(void)
{
	return touch(guest_touches_4k, 4096, PAGE, false);
}

static u64 fault_2m_present(void)
{
	return touch(guest_touches_2m, 32, PAGE_2M, true);
}

static u64 fault_2m_absent(void)
{
	return touch(guest_touches_2m, 16, PAGE_2M, false);
}

static void live(struct vm *vm, struct vcpu *v, u8 *mem)
{
	vm_init_bare(vm);
	CHECK_OK(set_slot(vm, 0, 0, 0, VM_MEMORY, mem));
	vm_irqchip(vm);
	vcpu_init(v, vm, 0);
	vcpu_real(v, GPA_CODE);
}

/* The first exit is an OUT: with an irqchip HLT would sleep. */
BLOB16(first_out, "movw $0x5e0, %dx\n outl %eax, %dx\n");

/* Ticks in which this thread has run: what it waits for (grace periods) is not counted. */
static u64 thread_ticks(void)
{
	return ticks_of_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* VM, memory, irqchip, vCPU, registers, first exit; the end of its life is not counted. */
static u64 create_by(u64 (*clock)(void))
{
	u8 *mem = host_alloc(VM_MEMORY, PAGE);
	u64 total = 0, t;
	struct vcpu v;
	struct vm vm;
	u32 i;

	memcpy(mem + GPA_CODE, first_out, first_out_end - first_out);
	for (i = 0; i < 12; i++) {
		t = clock();
		live(&vm, &v, mem);
		if (vcpu_run_raw(&v) || v.run->exit_reason != KVM_EXIT_IO)
			FAIL("no first exit: %s", vcpu_describe(&v));
		t = clock() - t;
		/* The first two warm the caches of the allocator. */
		total += i < 2 ? 0 : t;
		vcpu_free(&v);
		vm.mem = NULL;
		vm_free(&vm);
		usleep(20000);
	}
	return total / 10;
}

static u64 create_work(void)
{
	return create_by(thread_ticks);
}

static u64 create_wait(void)
{
	return create_by(rdtsc);
}

/* The group of this process alone: what the kernel charges to it is counted from here on. */
static char group[64];

static void put(const char *dir, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		FAIL("%s: %s", path, strerror(errno));
	close(fd);
}

/* In a group of its own a process is not charged for what it held, nor for what others let go. */
static void enter_group(void)
{
	put(CGROUPS, "cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), CGROUPS "/bench-%d", (int)getpid());
	if (mkdir(group, 0755))
		FAIL("%s: %s", group, strerror(errno));
	put(group, "cgroup.procs", "0");
}

static void leave_group(void)
{
	put(CGROUPS, "cgroup.procs", "0");
	rmdir(group);
}

/* The number after a name in a file of lines "NAME NUMBER". */
static long number_in(const char *path, const char *name)
{
	size_t len = strlen(name);
	char line[128];
	long v = -1;
	FILE *f = fopen(path, "r");

	while (f && v < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ')
			v = strtol(line + len, NULL, 10);
	if (f)
		fclose(f);
	if (v < 0)
		FAIL("%s: no %s", path, name);
	return v;
}

/*
 * Bytes that the kernel holds for this process. "kernel" is all that is charged to the group other
 * than user memory: slab objects, pages, vmalloc, per-CPU memory, and page tables, second-level
 * ones ("sec_pagetables") among them. Off go the process's own page tables, which it needs for what
 * a VMM has touched, not for its VM. The stacks of its own threads give way to those of all threads
 * there are: the workers that KVM starts for each VM are kthreadd's children, so that nobody pays.
 */
static long charged_now(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/memory.stat", group);
	return number_in(path, "kernel") - number_in(path, "pagetables") -
	       number_in(path, "kernel_stack") +
	       number_in("/proc/meminfo", "KernelStack:") * 1024;
}

/* The same, once the kernel has summed it up and what was let go is gone. */
static long charged(void)
{
	put("/proc/sys/vm", "stat_refresh", "1");
	/* Sums are brought up to date every 2 s; under icount a sleep takes no time. */
	sleep(5);
	return charged_now();
}

#define VMS 32
#define VM_BYTES (128 * MiB)

static void idle_vm(struct vm *vm, struct vcpu *v)
{
	u8 *mem = host_alloc(VM_BYTES, PAGE_2M);

	madvise(mem, VM_BYTES, MADV_NOHUGEPAGE);
	vm_init_bare(vm);
	vm->mem = mem;
	CHECK_OK(set_slot(vm, 0, 0, 0, VM_BYTES, mem));
	vm_irqchip(vm);
	CHECK_OK(ioctl(vm->fd, KVM_CREATE_PIT2, &(struct kvm_pit_config){ .flags = 1 }));
	vcpu_init(v, vm, 0);
	vcpu_cpuid(v);
	vcpu_long(v, guest_touches_4k, 0);
	ticks_of_run(v);
}

static u64 idle_memory(void)
{
	static struct vcpu v[VMS + 2];
	static struct vm vm[VMS + 2];
	long before, after;
	u32 i;

	enter_group();
	idle_vm(&vm[0], &v[0]);
	idle_vm(&vm[1], &v[1]);
	before = charged();
	for (i = 2; i < VMS + 2; i++)
		idle_vm(&vm[i], &v[i]);
	after = charged();
	leave_group();
	if (after <= before) {
		test_note("kernel memory went from %ld to %ld bytes", before, after);
		return 0;
	}
	return (after - before) / VMS / 1024;
}

const struct row memory_rows[] = {
	{ "idle-vm-kib", idle_memory },
	{ "fault-4k-present", fault_4k_present },
	{ "fault-4k-absent", fault_4k_absent },
	{ "fault-2m-present", fault_2m_present },
	{ "fault-2m-absent", fault_2m_absent },
	{ "create-vm", create_work },
	{ "create-vm-waiting", create_wait },
	{ .name = NULL },
};
