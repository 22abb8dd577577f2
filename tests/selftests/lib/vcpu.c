// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs: their three modes, running them, and the calls that guests make. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "vm.h"

#define CODE_SEL 0x08
#define DATA_SEL 0x10
#define TSS_SEL 0x18

#define CR0_PE 1u
#define CR0_MP 2u
#define CR0_ET 0x10u
#define CR0_NE 0x20u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define CR4_OSFXSR 0x600u
#define EFER_LMA_LME 0x500u

#define PTE_TABLE 7u
#define PTE_LEAF_2M 0x87u

extern const u8 guest_stubs[];

void vcpu_init(struct vcpu *v, struct vm *vm, u32 id)
{
	memset(v, 0, sizeof(*v));
	v->vm = vm;
	v->id = id;
	v->fd = CHECK_OK(ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id));
	v->run_size = CHECK_OK(ioctl(vm->dev, KVM_GET_VCPU_MMAP_SIZE, 0ul));
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		FAIL("mmap of vCPU: %s", strerror(errno));
}

void vcpu_free(struct vcpu *v)
{
	munmap(v->run, v->run_size);
	close(v->fd);
}

void vcpu_cpuid(struct vcpu *v)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	u32 i;

	c->nent = 256;
	CHECK_OK(ioctl(v->vm->dev, KVM_GET_SUPPORTED_CPUID, c));
	for (i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 1)
			c->entries[i].ebx = (c->entries[i].ebx & 0xffffff) | v->id << 24;
		if (c->entries[i].function == 0xb || c->entries[i].function == 0x1f)
			c->entries[i].edx = v->id;
	}
	CHECK_OK(ioctl(v->fd, KVM_SET_CPUID2, c));
	free(c);
}

void vcpu_add_deadline(struct vcpu *v)
{
	struct {
		struct kvm_cpuid2 h;
		struct kvm_cpuid_entry2 e[256];
	} *c = host_alloc(sizeof(*c), PAGE);
	u32 i;

	c->h.nent = 256;
	CHECK_OK(ioctl(v->fd, KVM_GET_CPUID2, c));
	for (i = 0; i < c->h.nent; i++)
		if (c->e[i].function == 1)
			c->e[i].ecx |= 1u << 24;
	CHECK_OK(ioctl(v->fd, KVM_SET_CPUID2, c));
}

void get_regs(struct vcpu *v, struct kvm_regs *r)
{
	CHECK_OK(ioctl(v->fd, KVM_GET_REGS, r));
}

void set_regs(struct vcpu *v, const struct kvm_regs *r)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_REGS, r));
}

void get_sregs(struct vcpu *v, struct kvm_sregs *s)
{
	CHECK_OK(ioctl(v->fd, KVM_GET_SREGS, s));
}

void set_sregs(struct vcpu *v, const struct kvm_sregs *s)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_SREGS, s));
}

struct one_msr {
	struct kvm_msrs h;
	struct kvm_msr_entry e;
};

u64 get_msr(struct vcpu *v, u32 index)
{
	struct one_msr m = { .h.nmsrs = 1, .e.index = index };

	if (CHECK_OK(ioctl(v->fd, KVM_GET_MSRS, &m)) != 1)
		FAIL("KVM_GET_MSRS of %#x is refused", index);
	return m.e.data;
}

int set_msr(struct vcpu *v, u32 index, u64 value)
{
	struct one_msr m = { .h.nmsrs = 1, .e.index = index, .e.data = value };

	return ioctl(v->fd, KVM_SET_MSRS, &m);
}

void vcpu_real(struct vcpu *v, u16 ip)
{
	struct kvm_regs r = { .rip = ip, .rflags = 2, .rsp = 0x7000 };
	struct kvm_sregs s;

	get_sregs(v, &s);
	s.cs.base = 0;
	s.cs.selector = 0;
	set_sregs(v, &s);
	set_regs(v, &r);
}

static struct kvm_segment flat(u16 sel, u8 type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = sel, .type = type, .present = 1, .s = 1,
		.g = 1, .db = 1,
	};
}

static void flat_segments(struct kvm_sregs *s)
{
	s->cs = flat(CODE_SEL, 11);
	s->ds = flat(DATA_SEL, 3);
	s->es = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->ss = s->ds;
}

void vcpu_prot(struct vcpu *v, u32 eip)
{
	struct kvm_regs r = { .rip = eip, .rflags = 2, .rsp = 0x7000 };
	struct kvm_sregs s;

	get_sregs(v, &s);
	flat_segments(&s);
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	set_sregs(v, &s);
	set_regs(v, &r);
}

/* The identity map: one PML4, one PDPT, four page directories of 2 MiB leaves. */
static void page_tables(struct vm *vm)
{
	u64 *t = (u64 *)(vm->mem + GPA_PML4);
	u64 i;

	t[0] = (GPA_PML4 + PAGE) | PTE_TABLE;
	for (i = 0; i < 4; i++)
		t[512 + i] = (GPA_PML4 + (2 + i) * PAGE) | PTE_TABLE;
	for (i = 0; i < 4 * 512; i++)
		t[1024 + i] = i * PAGE_2M | PTE_LEAF_2M;
}

static void descriptors(struct vm *vm)
{
	u64 *gdt = (u64 *)(vm->mem + GPA_GDT);
	u64 *idt = (u64 *)(vm->mem + GPA_IDT);
	u64 i, h;

	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	gdt[3] = 0x00008b0000000067ull | (u64)GPA_TSS << 16;
	gdt[4] = 0;
	for (i = 0; i < 256; i++) {
		h = (uintptr_t)guest_stubs + i * 16;
		idt[2 * i] = (h & 0xffff) | CODE_SEL << 16 | 0x8e00ull << 32 | (h >> 16) << 48;
		idt[2 * i + 1] = h >> 32;
	}
}

static void long_sregs(struct kvm_sregs *s)
{
	flat_segments(s);
	s->cs.l = 1;
	s->cs.db = 0;
	s->tr = (struct kvm_segment){
		.base = GPA_TSS, .limit = 0x67, .selector = TSS_SEL, .type = 11, .present = 1,
	};
	s->gdt.base = GPA_GDT;
	s->gdt.limit = 5 * 8 - 1;
	s->idt.base = GPA_IDT;
	s->idt.limit = 256 * 16 - 1;
	s->cr3 = GPA_PML4;
	s->cr0 = CR0_PG | CR0_PE | CR0_MP | CR0_ET | CR0_NE;
	s->cr4 = CR4_PAE | CR4_OSFXSR;
	s->efer = EFER_LMA_LME;
}

void vcpu_long_at(struct vcpu *v, u64 rip)
{
	struct kvm_regs r = { .rip = rip, .rflags = 2 };
	struct kvm_sregs s;

	page_tables(v->vm);
	descriptors(v->vm);
	get_sregs(v, &s);
	long_sregs(&s);
	set_sregs(v, &s);
	/* As after a call: the stack is 8 off from a multiple of 16. */
	r.rsp = GPA_STACKS + (v->id % 64 + 1) * STACK_SIZE - 8;
	set_regs(v, &r);
}

void vcpu_long(struct vcpu *v, void (*fn)(u64 arg), u64 arg)
{
	struct kvm_regs r;

	vm_var(v->vm, &guest_fault);
	vcpu_long_at(v, (uintptr_t)fn);
	get_regs(v, &r);
	r.rdi = arg;
	set_regs(v, &r);
}

int vcpu_run_raw(struct vcpu *v)
{
	return ioctl(v->fd, KVM_RUN, 0ul);
}

u32 vcpu_run(struct vcpu *v)
{
	int r;

	do {
		r = vcpu_run_raw(v);
	} while (r < 0 && (errno == EINTR || errno == EAGAIN));
	if (r)
		FAIL("KVM_RUN: %d, %s; %s", r, strerror(errno), vcpu_describe(v));
	return v->run->exit_reason;
}

const char *vcpu_describe(struct vcpu *v)
{
	static char text[256];
	struct kvm_regs r = { };
	struct kvm_run *run = v->run;
	int n;

	ioctl(v->fd, KVM_GET_REGS, &r);
	n = snprintf(text, sizeof(text), "exit %u, rip %#llx", run->exit_reason, r.rip);
	if (run->exit_reason == KVM_EXIT_IO)
		snprintf(text + n, sizeof(text) - n, ", port %#x %s size %u count %u",
			 run->io.port, run->io.direction ? "out" : "in", run->io.size,
			 run->io.count);
	if (run->exit_reason == KVM_EXIT_MMIO)
		snprintf(text + n, sizeof(text) - n, ", mmio %#llx %s len %u",
			 run->mmio.phys_addr, run->mmio.is_write ? "write" : "read",
			 run->mmio.len);
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(text + n, sizeof(text) - n, ", suberror %u ndata %u data %#llx %#llx",
			 run->internal.suberror, run->internal.ndata, run->internal.data[0],
			 run->internal.data[1]);
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		snprintf(text + n, sizeof(text) - n, ", hardware reason %#llx",
			 run->fail_entry.hardware_entry_failure_reason);
	return text;
}

void expect_exit(struct vcpu *v, u32 reason, const char *file, int line)
{
	if (vcpu_run(v) != reason)
		test_fail(file, line, "expected exit %u, got %s", reason, vcpu_describe(v));
}

void *expect_io(struct vcpu *v, int dir, u16 port, u8 size, const char *file, int line)
{
	expect_exit(v, KVM_EXIT_IO, file, line);
	if (v->run->io.direction != dir || v->run->io.port != port || v->run->io.size != size)
		test_fail(file, line, "expected %s of %u bytes at port %#x, got %s",
			  dir ? "out" : "in", size, port, vcpu_describe(v));
	return (u8 *)v->run + v->run->io.data_offset;
}

void expect_mmio(struct vcpu *v, u64 gpa, u8 len, bool write, const char *file, int line)
{
	expect_exit(v, KVM_EXIT_MMIO, file, line);
	if (v->run->mmio.phys_addr != gpa || v->run->mmio.len != len ||
	    v->run->mmio.is_write != write)
		test_fail(file, line, "expected mmio %s of %u bytes at %#llx, got %s",
			  write ? "write" : "read", len, (unsigned long long)gpa,
			  vcpu_describe(v));
}

struct ucall vcpu_ucall(struct vcpu *v)
{
	struct kvm_regs r;
	struct ucall u;

	if (vcpu_run(v) != KVM_EXIT_IO || v->run->io.port != UCALL_PORT)
		FAIL("expected a call of the guest, got %s", vcpu_describe(v));
	get_regs(v, &r);
	u = (struct ucall){ .cmd = (u32)r.rax, .a = r.rdi, .b = r.rsi, .c = r.rcx };
	if (u.cmd == UCALL_ABORT)
		FAIL("vCPU %u: guest's check at line %llu: got %#llx, expected %#llx", v->id,
		     (unsigned long long)u.a, (unsigned long long)u.b, (unsigned long long)u.c);
	if (u.cmd == UCALL_TRAP)
		FAIL("vCPU %u: guest's trap %llu, error %#llx, rip %#llx", v->id,
		     (unsigned long long)u.a, (unsigned long long)u.b, (unsigned long long)u.c);
	return u;
}

void expect_done(struct vcpu *v, const char *file, int line)
{
	struct ucall u = vcpu_ucall(v);

	if (u.cmd != UCALL_DONE)
		test_fail(file, line, "expected the guest's end, got call %u (%#llx, %#llx, %#llx)",
			  u.cmd, (unsigned long long)u.a, (unsigned long long)u.b,
			  (unsigned long long)u.c);
}

struct ucall expect_sync(struct vcpu *v, u64 stage, const char *file, int line)
{
	struct ucall u = vcpu_ucall(v);

	if (u.cmd != UCALL_SYNC || u.a != stage)
		test_fail(file, line, "expected stage %llu, got call %u (%#llx, %#llx, %#llx)",
			  (unsigned long long)stage, u.cmd, (unsigned long long)u.a,
			  (unsigned long long)u.b, (unsigned long long)u.c);
	return u;
}

static void *run_to_the_end(void *arg)
{
	while (vcpu_ucall(arg).cmd != UCALL_DONE)
		;
	return NULL;
}

void vcpu_start(struct vcpu *v)
{
	CHECK_EQ(pthread_create(&v->thread, NULL, run_to_the_end, v), 0);
}

void vcpu_join(struct vcpu *v)
{
	pthread_join(v->thread, NULL);
}
