// SPDX-License-Identifier: GPL-2.0-only
/* First touches of guest memory, the creation of VMs, and what an idle one holds of the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

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

static u64 thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Ticks in which this thread has run: what it waits for (grace periods) is not counted. */
static u64 thread_ticks(void)
{
	static u64 khz;
	u64 t, ns;

	if (!khz) {
		ns = now_ns();
		t = rdtsc();
		while (now_ns() - ns < 10000000)
			;
		khz = (rdtsc() - t) * 1000000 / (now_ns() - ns);
	}
	return thread_ns() * khz / 1000000;
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

static long meminfo(const char *name)
{
	char line[128], format[64];
	long v = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	snprintf(format, sizeof(format), "%s: %%ld", name);
	while (f && v < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &v) != 1)
			v = -1;
	if (f)
		fclose(f);
	return v < 0 ? 0 : v;
}

static void poke(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, value, 1) != 1)
		test_note("%s: %s", path, strerror(errno));
	close(fd);
}

/* KiB that the kernel holds: neither free, nor cache, nor the processes' pages and tables. */
static long kernel_kib_now(void)
{
	poke("/proc/sys/vm/drop_caches", "3");
	/* Compaction gives back the free pages that CPUs keep for themselves. */
	poke("/proc/sys/vm/compact_memory", "1");
	poke("/proc/sys/vm/stat_refresh", "1");
	return meminfo("MemTotal") - meminfo("MemFree") - meminfo("AnonPages") -
	       meminfo("PageTables") - meminfo("Cached") - meminfo("Buffers");
}

/* The same, once what was let go before is really gone. */
static long kernel_kib(void)
{
	long last, now;
	u32 i;

	/* What waits for grace periods, and the boot's own late work. */
	sleep(5);
	last = kernel_kib_now();
	for (i = 0; i < 40; i++) {
		usleep(200000);
		now = kernel_kib_now();
		if (now - last < 64 && last - now < 64)
			break;
		last = now;
	}
	return now;
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

	idle_vm(&vm[0], &v[0]);
	idle_vm(&vm[1], &v[1]);
	before = kernel_kib();
	for (i = 2; i < VMS + 2; i++)
		idle_vm(&vm[i], &v[i]);
	after = kernel_kib();
	if (after <= before) {
		test_note("kernel memory went from %ld to %ld KiB", before, after);
		return 0;
	}
	return (after - before) / VMS;
}

const struct row memory_rows[] = {
	{ "idle-vm-kib", idle_memory, true },
	{ "fault-4k-present", fault_4k_present, false },
	{ "fault-4k-absent", fault_4k_absent, false },
	{ "fault-2m-present", fault_2m_present, false },
	{ "fault-2m-absent", fault_2m_absent, false },
	{ "create-vm", create_work, false },
	{ "create-vm-waiting", create_wait, false },
	{ .name = NULL },
};
